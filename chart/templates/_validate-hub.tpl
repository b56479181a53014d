{{- /*
  Rules for the hub and what all components share. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.hub" -}}
{{- $hub := .Values.hub -}}
{{- $jupyterhub := get ($hub.config | default dict) "JupyterHub" | default dict -}}
{{- if and (has $hub.db.type (list "mysql" "postgres")) (not $hub.db.url) (not $hub.existingSecret) }}
hub.db.url: is empty, and a database of type {{ $hub.db.type }} is elsewhere; give its URL
{{- end }}
{{- if and (eq $hub.deploymentStrategy.type "RollingUpdate") (eq $hub.db.type "sqlite-pvc") }}
hub.deploymentStrategy.type: two hubs at once cannot have one SQLite file; use Recreate
{{- end }}
{{- if and (eq $hub.deploymentStrategy.type "RollingUpdate") (eq .Values.proxy.kind "in-process") }}
hub.deploymentStrategy.type: two hubs at once would each have a routing table of its own; use Recreate
{{- end }}
{{- if and $hub.deploymentStrategy.rollingUpdate (eq $hub.deploymentStrategy.type "Recreate") }}
hub.deploymentStrategy.rollingUpdate: has no meaning with type Recreate; remove it
{{- end }}
{{- if and (hasKey $jupyterhub "proxy_class") (ne .Values.proxy.kind "external") }}
hub.config.JupyterHub.proxy_class: the chart sets it by proxy.kind, which is {{ .Values.proxy.kind }}; remove it
{{- end }}
{{- if and (get $jupyterhub "internal_ssl") (eq .Values.proxy.kind "traefik-etcd") }}
hub.config.JupyterHub.internal_ssl: Traefik has no client certificate for the hub and the users' servers; remove it or set proxy.kind to chp
{{- end }}
{{- /* `proxy-gen render` puts a placeholder where no secret is given; the hub refuses to start with it. */}}
{{- if and $hub.cookieSecret (not (regexMatch "^([0-9a-fA-F]{2})+$|^PLACEHOLDER-" (toString $hub.cookieSecret))) }}
hub.cookieSecret: is no even number of hex digits; take the output of `openssl rand -hex 32`, or leave it empty and one is drawn
{{- end }}
{{- range $name, $service := $hub.services }}
{{- if and $service (kindIs "map" $service) (get $service "api_token") (get $service "apiToken") }}
hub.services.{{ $name }}.apiToken: is given as api_token, too; remove one of them
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.common" -}}
{{- $v := .Values -}}
{{- if regexMatch "/[.][.]?(/|$)" (toString $v.hub.baseUrl) }}
hub.baseUrl: {{ $v.hub.baseUrl }} has a part . or .., which browsers take away; write the path without
{{- end }}
{{- if $v.imagePullSecret.create }}
{{- range $key := list "registry" "username" "password" }}
{{- if not (get $v.imagePullSecret $key) }}
imagePullSecret.{{ $key }}: is empty, and imagePullSecret.create is true; give it, or set create to false
{{- end }}
{{- end }}
{{- end }}
{{- if and (eq $v.singleuser.storage.type "static") (not $v.singleuser.storage.static.pvcName) }}
singleuser.storage.static.pvcName: is empty, and storage of type static is one volume claim for all; name it
{{- end }}
{{- range $resource := list "cpu" "memory" }}
{{- $value := get $v.singleuser $resource }}
{{- $numbers := list "float64" "int64" }}
{{- if and (has (kindOf $value.limit) $numbers) (has (kindOf $value.guarantee) $numbers) }}
{{- if gt (float64 $value.guarantee) (float64 $value.limit) }}
singleuser.{{ $resource }}.guarantee: {{ $value.guarantee }} is more than the limit, {{ $value.limit }}, and Kubernetes refuses such a pod; raise the limit
{{- end }}
{{- end }}
{{- end }}
{{- $singleuserPolicy := $v.singleuser.networkPolicy }}
{{- if and $v.singleuser.cloudMetadata.blockWithIptables $singleuserPolicy.enabled $singleuserPolicy.egressAllowRules.cloudMetadataServer }}
singleuser.networkPolicy.egressAllowRules.cloudMetadataServer: is blocked by singleuser.cloudMetadata.blockWithIptables; set one of them to false
{{- end }}
{{- if and $v.ingress.enabled $v.proxy.service.disableHttpPort }}
proxy.service.disableHttpPort: the Ingress comes in by port 80; set it to false
{{- end }}
{{- end }}
