{{- /*
  Rules for temporary notebooks: `tmpnb`, and what of the other values does not go with it. See
  validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.tmpnb" -}}
{{- $tmpnb := .Values.tmpnb -}}
{{- if $tmpnb.enabled }}
{{- include "jupyterhub-ha.validate.tmpnb.sizes" $tmpnb }}
{{- include "jupyterhub-ha.validate.tmpnb.embed" . }}
{{- include "jupyterhub-ha.validate.tmpnb.share" . }}
{{- include "jupyterhub-ha.validate.tmpnb.argument" . }}
{{- if regexMatch "^/(/|hub(/|$)|user(/|$))" $tmpnb.open }}
tmpnb.open: {{ $tmpnb.open }} is no path within a visitor's server; write what stands behind /user/NAME there, such as /lab
{{- end }}
{{- if and $tmpnb.static.enabled (ne .Values.proxy.kind "traefik-etcd") }}
tmpnb.static.enabled: only Traefik leads single paths of visitors elsewhere, and proxy.kind is {{ .Values.proxy.kind }}; set it to false, or proxy.kind to traefik-etcd
{{- end }}
{{- if and $tmpnb.maxAge (lt (int $tmpnb.maxAge) (int $tmpnb.idleTimeout)) }}
tmpnb.maxAge: {{ int $tmpnb.maxAge }} s are over before a server could be idle for {{ int $tmpnb.idleTimeout }} s; raise it, or lower tmpnb.idleTimeout
{{- end }}
{{- end }}
{{- end }}

{{- /* How many servers, and when: takes `tmpnb`. */}}
{{- define "jupyterhub-ha.validate.tmpnb.sizes" -}}
{{- $pool := .pool -}}
{{- $quiet := $pool.quiet -}}
{{- $servers := int .limits.servers -}}
{{- $sizes := dict "tmpnb.pool.size" $pool.size "tmpnb.pool.quiet.size" $quiet.size }}
{{- range $path, $size := $sizes }}
{{- if gt (int $size) $servers }}
{{ $path }}: {{ int $size }} servers are to wait, and tmpnb.limits.servers allows {{ $servers }} in all; lower it, or raise the limit
{{- end }}
{{- end }}
{{- if and $pool.demandMinutes (gt (int $pool.minSize) (int $pool.size)) }}
tmpnb.pool.minSize: {{ int $pool.minSize }} is more than tmpnb.pool.size, {{ int $pool.size }}, which is the most; lower it
{{- end }}
{{- if and $quiet.hours (kindIs "invalid" $quiet.size) }}
tmpnb.pool.quiet.size: is null, so the pool is as large as always at tmpnb.pool.quiet.hours; give it, or remove the hours
{{- else if and (not $quiet.hours) (not (kindIs "invalid" $quiet.size)) }}
tmpnb.pool.quiet.hours: is empty, and tmpnb.pool.quiet.size is for these hours; give them, such as "22-6", or set the size to null
{{- end }}
{{- range $place, $hours := $quiet.hours }}
{{- if not (regexMatch "^([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-4])$" $hours) }}
tmpnb.pool.quiet.hours[{{ $place }}]: {{ $hours | quote }} is no pair of hours; write the first one, "-" and the one at which they end, such as "22-6"
{{- else if eq (splitList "-" $hours | first | atoi) (splitList "-" $hours | last | atoi) }}
tmpnb.pool.quiet.hours[{{ $place }}]: {{ $hours | quote }} ends when it begins; write "0-24" for the whole day, or remove it
{{- end }}
{{- end }}
{{- end }}

{{- /* Who may show notebooks: what a browser would not understand, or hear from two places. */}}
{{- define "jupyterhub-ha.validate.tmpnb.embed" -}}
{{- $root := . -}}
{{- $origins := .Values.tmpnb.embed.origins -}}
{{- range $place, $origin := $origins }}
{{- $path := printf "tmpnb.embed.origins[%d]" $place }}
{{- if eq $origin "*" }}
{{ $path }}: would let every site show notebooks and use what visitors have in them; name the sites
{{- else if not (regexMatch "^(https://([*][.])?[A-Za-z0-9][A-Za-z0-9.-]*|http://(localhost|127[.]0[.]0[.]1))(:[0-9]{1,5})?$" $origin) }}
{{ $path }}: {{ $origin | quote }} is no origin of a site with HTTPS; write scheme and host without a path, such as https://magazine.example.org
{{- end }}
{{- end }}
{{- if $origins }}
{{- range $target := list "hub" "singleuser" }}
{{- if hasKey (get $root.Values.proxy.contentSecurityPolicy $target | default dict) "frame-ancestors" }}
proxy.contentSecurityPolicy.{{ $target }}.frame-ancestors: is what tmpnb.embed.origins sets; remove it, and name every site there
{{- end }}
{{- end }}
{{- $config := .Values.hub.config | default dict }}
{{- if hasKey ((get $config "JupyterHub") | default dict) "tornado_settings" }}
hub.config.JupyterHub.tornado_settings: takes the place of what tmpnb.embed.origins sets; remove it
{{- end }}
{{- end }}
{{- end }}

{{- /* What users' servers get to know by an argument: who may show their pages in a frame. */}}
{{- define "jupyterhub-ha.validate.tmpnb.argument" -}}
{{- $singleuser := .Values.singleuser -}}
{{- $config := .Values.hub.config | default dict -}}
{{- $path := empty .Values.tmpnb.embed.origins | ternary "tmpnb.share.enabled" "tmpnb.embed.origins" -}}
{{- if or .Values.tmpnb.embed.origins .Values.tmpnb.share.enabled }}
{{- range $class := list "Spawner" "KubeSpawner" }}
{{- if hasKey ((get $config $class) | default dict) "args" }}
hub.config.{{ $class }}.args: takes the place of an argument that {{ $path }} needs; remove it, or put the arguments into singleuser.cmd
{{- end }}
{{- end }}
{{- if kindIs "invalid" $singleuser.cmd }}
singleuser.cmd: is null, and the image's own command would not get what {{ $path }} says to it by an argument; name the command
{{- end }}
{{- end }}
{{- end }}

{{- /* The hub: no login, one server for each visitor, ended by its own clock. */}}
{{- define "jupyterhub-ha.validate.tmpnb-hub" -}}
{{- $hub := .Values.hub -}}
{{- $tmpnb := .Values.tmpnb -}}
{{- if and $tmpnb.enabled (not $hub.enabled) }}
tmpnb.enabled: this release has no hub that could give servers to visitors; set it to false, or hub.enabled to true
{{- else if $tmpnb.enabled }}
{{- $config := $hub.config | default dict }}
{{- $class := dig "JupyterHub" "authenticator_class" "dummy" $config }}
{{- if ne (toString $class) "dummy" }}
hub.config.JupyterHub.authenticator_class: {{ $class }} would ask visitors who they are, and they have no account; remove it, or set tmpnb.enabled to false
{{- end }}
{{- range $name, $_ := $config }}
{{- if and (hasSuffix "Authenticator" $name) (ne $name "TemporaryAuthenticator") }}
hub.config.{{ $name }}: nobody logs in with temporary notebooks, so it has no effect; remove it
{{- end }}
{{- end }}
{{- if $hub.allowNamedServers }}
hub.allowNamedServers: a visitor has one server, which comes from the pool; set it to false
{{- end }}
{{- if eq $hub.db.type "sqlite-memory" }}
hub.db.type: sqlite-memory forgets with each restart of the hub whose servers run, and nobody would end them; use sqlite-pvc
{{- end }}
{{- if and $hub.activeServerLimit (lt (int $hub.activeServerLimit) (int $tmpnb.limits.servers)) }}
hub.activeServerLimit: {{ int $hub.activeServerLimit }} servers may run, fewer than tmpnb.limits.servers, {{ int $tmpnb.limits.servers }}, promises; remove it
{{- end }}
{{- if and $hub.concurrentSpawnLimit (lt (int $hub.concurrentSpawnLimit) (int $tmpnb.pool.concurrency)) }}
tmpnb.pool.concurrency: {{ int $tmpnb.pool.concurrency }} servers cannot start at the same time when hub.concurrentSpawnLimit is {{ int $hub.concurrentSpawnLimit }}; lower it, or raise the limit
{{- end }}
{{- include "jupyterhub-ha.validate.tmpnb.cull" . }}
{{- end }}
{{- end }}

{{- /* Options of the culler that somebody gave, which tmpnb has its own for. */}}
{{- define "jupyterhub-ha.validate.tmpnb.cull" -}}
{{- $cull := .Values.cull -}}
{{- /* As in values.yaml, which templates cannot read; tests/chart/test_tmpnb.py compares them. */}}
{{- $defaults := dict "timeout" 3600 "every" 600 "concurrency" 10 "maxAge" 0 "users" false "adminUsers" true "removeNamedServers" false }}
{{- $cures := dict "timeout" "remove it, and set tmpnb.idleTimeout" "maxAge" "remove it, and set tmpnb.maxAge" }}
{{- range $key, $default := $defaults }}
{{- $given := get $cull $key }}
{{- if and (not (kindIs "invalid" $given)) (ne (toString $given) (toString $default)) }}
cull.{{ $key }}: has no effect on temporary notebooks, which end by a clock of their own; {{ get $cures $key | default "remove it" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Users' servers: what would keep something of visitors, or let them out of the sandbox. */}}
{{- define "jupyterhub-ha.validate.tmpnb-singleuser" -}}
{{- $singleuser := .Values.singleuser -}}
{{- if and .Values.tmpnb.enabled .Values.hub.enabled }}
{{- if ne $singleuser.storage.type "none" }}
singleuser.storage.type: {{ $singleuser.storage.type }} would keep the files of visitors who never come back; set it to none
{{- end }}
{{- range $resource := list "cpu" "memory" }}
{{- if not (get $singleuser $resource).limit }}
singleuser.{{ $resource }}.limit: is empty, and one visitor could take all that a node has; give it
{{- end }}
{{- end }}
{{- if hasKey ($singleuser.extraResource.limits | default dict) "ephemeral-storage" }}
singleuser.extraResource.limits.ephemeral-storage: is what tmpnb.sandbox.disk sets; remove it
{{- end }}
{{- if $singleuser.serviceAccountName }}
singleuser.serviceAccountName: would give every visitor a token for the cluster's API; remove it
{{- end }}
{{- if ne (toString $singleuser.allowPrivilegeEscalation) "false" }}
singleuser.allowPrivilegeEscalation: would let visitors become root; set it to false
{{- end }}
{{- if not $singleuser.uid }}
singleuser.uid: {{ kindIs "invalid" $singleuser.uid | ternary "null leaves it to the image whether visitors are root" "visitors would be root" }}; set it to another number than 0
{{- end }}
{{- if not (or .Values.tmpnb.sandbox.internet $singleuser.networkPolicy.egress) }}
{{- range $place, $kernel := $singleuser.kernels }}
{{- if $kernel.package }}
singleuser.kernels[{{ $place }}].package: pip reaches nothing without tmpnb.sandbox.internet; put the kernel into the image, with prebuilt, or open the way in singleuser.networkPolicy.egress
{{- end }}
{{- end }}
{{- end }}
{{- if $singleuser.profileList }}
singleuser.profileList: visitors get a server that runs already, and choose nothing; remove it, and set singleuser.image and its limits
{{- end }}
{{- if $singleuser.defaultUrl }}
singleuser.defaultUrl: is what tmpnb.open sets; remove it
{{- end }}
{{- $policy := $singleuser.networkPolicy }}
{{- if not $policy.enabled }}
singleuser.networkPolicy.enabled: without the policy visitors reach the cluster, and each other's servers; set it to true
{{- end }}
{{- range $rule := list "cloudMetadataServer" "privateIPs" }}
{{- if get ($policy.egressAllowRules | default dict) $rule }}
singleuser.networkPolicy.egressAllowRules.{{ $rule }}: lets visitors reach what only the cluster should; set it to false, and name single addresses in singleuser.networkPolicy.egress
{{- end }}
{{- end }}
{{- end }}
{{- end }}
