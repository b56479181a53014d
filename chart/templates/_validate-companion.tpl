{{- /*
  Rules for a proxy without a hub of its own. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.companion" -}}
{{- if .Values.hub.enabled }}
{{- range $key, $value := .Values.hub.external }}
{{- if not (kindIs "invalid" $value) }}
hub.external.{{ $key }}: the release has a hub of its own; remove it, or set hub.enabled to false
{{- end }}
{{- end }}
{{- if eq .Values.proxy.kind "external" }}
{{- if not (or .Values.hub.extraConfig (dig "JupyterHub" "proxy_class" "" (.Values.hub.config | default dict))) }}
hub.extraConfig: is empty, and with proxy.kind external it says which proxy the hub uses; give the values that `proxy-gen z2jh` prints for the proxy's release
{{- end }}
{{- if .Values.ingress.enabled }}
ingress.enabled: with proxy.kind external this release has no way in; set it to false, and enable it for the proxy's release
{{- end }}
{{- end }}
{{- else }}
{{- if ne .Values.proxy.kind "traefik-etcd" }}
proxy.kind: with {{ .Values.proxy.kind }} there is nothing to run beside the hub of another release; use traefik-etcd, or set hub.enabled to true
{{- end }}
{{- /* Whose hub would have the same name, would have the same names for everything. */}}
{{- $same := eq (include "jupyterhub-ha.hub.fullname" .) (include "jupyterhub-ha.hub.service" .) }}
{{- if and $same (not (include "jupyterhub-ha.hub.elsewhere" .)) }}
fullnameOverride: {{ include "jupyterhub-ha.proxy.fullname" . }} and {{ include "jupyterhub-ha.proxy-public.fullname" . }} are objects of the hub's release already; set another prefix, companion for example
{{- end }}
{{- end }}
{{- end }}
