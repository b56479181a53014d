{{- /*
  Rules for `proxy.contentSecurityPolicy`: what a browser would not understand, and what would leave
  pages of JupyterHub or JupyterLab without what they need. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.content-security" -}}
{{- $root := . -}}
{{- $config := .Values.hub.config | default dict -}}
{{- range $target := list "hub" "singleuser" }}
{{- $policy := get $root.Values.proxy.contentSecurityPolicy $target | default dict }}
{{- range $name, $sources := $policy }}
{{- $path := printf "proxy.contentSecurityPolicy.%s.%s" $target $name }}
{{- include "jupyterhub-ha.validate.content-security.directive" (list $path $name $sources $policy) }}
{{- end }}
{{- end }}
{{- if and .Values.proxy.contentSecurityPolicy.hub (hasKey ((get $config "JupyterHub") | default dict) "tornado_settings") }}
hub.config.JupyterHub.tornado_settings: takes the place of proxy.contentSecurityPolicy.hub; remove it, or write the header there
{{- end }}
{{- if .Values.proxy.contentSecurityPolicy.singleuser }}
{{- range $class := list "Spawner" "KubeSpawner" }}
{{- if hasKey ((get $config $class) | default dict) "args" }}
hub.config.{{ $class }}.args: takes the place of proxy.contentSecurityPolicy.singleuser; remove it, or put the arguments into singleuser.cmd
{{- end }}
{{- end }}
{{- if kindIs "invalid" .Values.singleuser.cmd }}
singleuser.cmd: is null, and the image's own command would not get proxy.contentSecurityPolicy.singleuser, which is an argument; name the command
{{- end }}
{{- end }}
{{- end }}

{{- /* One directive: takes (list <path> <name> <sources> <the whole policy>). */}}
{{- define "jupyterhub-ha.validate.content-security.directive" -}}
{{- $path := index . 0 -}}
{{- $name := index . 1 -}}
{{- $sources := index . 2 -}}
{{- $policy := index . 3 -}}
{{- $needSelf := list "connect-src" "default-src" "font-src" "form-action" "img-src" "script-src" "script-src-elem" "style-src" "style-src-elem" -}}
{{- $others := list "base-uri" "child-src" "frame-ancestors" "frame-src" "manifest-src" "media-src" "object-src" "worker-src" -}}
{{- if eq $name "sandbox" }}
{{ $path }}: cuts pages off from their cookies, so nobody could log in; remove it, files of users are in a sandbox anyway
{{- else if not (has $name (concat $needSelf $others)) }}
{{ $path }}: is no directive that can be set here; use {{ concat $needSelf $others | sortAlpha | join ", " }}
{{- else if not $sources }}
{{ $path }}: is empty, which browsers read as 'none'; name the sources, or remove it
{{- else }}
{{- range $source := $sources }}
{{- if has $source (list "self" "none" "unsafe-inline" "unsafe-eval" "wasm-unsafe-eval" "strict-dynamic") }}
{{ $path }}: {{ $source }} is the name of a host without quotes of its own; write "'{{ $source }}'"
{{- else if not (regexMatch "^('[a-zA-Z0-9+/=_-]+'|[^\\s;,'\"$(){}]+)$" (toString $source)) }}
{{ $path }}: {{ toString $source | quote }} is no source; write one origin, scheme or keyword in each item of the list
{{- else if regexMatch "^'(nonce-|sha[0-9]+-|strict-dynamic)" $source }}
{{ $path }}: with {{ $source }} browsers pass over 'unsafe-inline', which JupyterHub's and JupyterLab's pages need; remove it
{{- end }}
{{- end }}
{{- if and (has "'none'" $sources) (gt (len $sources) 1) }}
{{ $path }}: 'none' beside another source has no meaning; remove one of them
{{- else if and (has $name $needSelf) (not (has "'self'" $sources)) }}
{{ $path }}: lacks 'self', so pages would get nothing from the hub itself; add "'self'"
{{- end }}
{{- $kind := trimSuffix "-elem" $name }}
{{- if and (has $kind (list "script-src" "style-src" "default-src")) (not (has "'unsafe-inline'" $sources)) }}
{{- if or (ne $kind "default-src") (not (and (hasKey $policy "script-src") (hasKey $policy "style-src"))) }}
{{ $path }}: lacks 'unsafe-inline', and JupyterHub's and JupyterLab's pages have scripts and styles in them; add "'unsafe-inline'"
{{- end }}
{{- end }}
{{- if and (has $kind (list "script-src" "default-src")) (contains ".singleuser." $path) (not (has "'unsafe-eval'" $sources)) }}
{{- if or (ne $kind "default-src") (not (hasKey $policy "script-src")) }}
{{ $path }}: lacks 'unsafe-eval', without which JupyterLab does not start; add "'unsafe-eval'"
{{- end }}
{{- end }}
{{- end }}
{{- end }}
