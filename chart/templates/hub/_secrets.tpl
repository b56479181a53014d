{{- /*
  The hub's own secrets, each given, kept or drawn. The keys in the Secret are Z2JH's, so that an
  upgrade of its release goes on with the same ones.
*/}}

{{- define "jupyterhub-ha.hub.cookieSecret" -}}
  {{- $given := dig "JupyterHub" "cookie_secret" "" (.Values.hub.config | default dict) | default .Values.hub.cookieSecret }}
  {{- include "jupyterhub-ha.secret" (dict "root" . "secret" (include "jupyterhub-ha.hub.fullname" .) "key" "hub.config.JupyterHub.cookie_secret" "given" $given "draw" "hex") }}
{{- end }}

{{- /* Several keys are one text, separated by semicolons. */}}
{{- define "jupyterhub-ha.hub.cryptKeys" -}}
  {{- $given := dig "CryptKeeper" "keys" list (.Values.hub.config | default dict) | default list | join ";" }}
  {{- include "jupyterhub-ha.secret" (dict "root" . "secret" (include "jupyterhub-ha.hub.fullname" .) "key" "hub.config.CryptKeeper.keys" "given" $given "draw" "hex") }}
{{- end }}

{{- /* The token for configurable-http-proxy's API. */}}
{{- define "jupyterhub-ha.hub.proxyToken" -}}
  {{- $given := dig "ConfigurableHTTPProxy" "auth_token" "" (.Values.hub.config | default dict) | default .Values.proxy.secretToken }}
  {{- include "jupyterhub-ha.secret" (dict "root" . "secret" (include "jupyterhub-ha.hub.fullname" .) "key" "hub.config.ConfigurableHTTPProxy.auth_token" "given" $given "draw" "hex") }}
{{- end }}

{{- /* The token of one service: takes (list <root context> <key in hub.services>). */}}
{{- define "jupyterhub-ha.hub.serviceToken" -}}
  {{- $root := index . 0 }}
  {{- $name := index . 1 }}
  {{- $service := get (include "jupyterhub-ha.hub.services" $root | fromJson).services $name | default dict }}
  {{- $given := get $service "api_token" | default (get $service "apiToken") }}
  {{- include "jupyterhub-ha.secret" (dict "root" $root "secret" (include "jupyterhub-ha.hub.fullname" $root) "key" (printf "hub.services.%s.apiToken" $name) "given" $given "draw" "hex") }}
{{- end }}

{{- /*
  Annotation that restarts the hub when its identity for etcd or for the replicas' API changes: it
  reads them once. Few digits, so that it does not help to guess a password.
*/}}
{{- define "jupyterhub-ha.hub.identity" -}}
{{- if eq .Values.proxy.kind "traefik-etcd" }}
{{- $identity := include "jupyterhub-ha.proxy.hubPassword" . }}
{{- if .Values.proxy.etcd.enabled }}
{{- $identity = cat $identity (include "jupyterhub-ha.etcd.password" (list . "hub")) (include "jupyterhub-ha.etcd.certificate" (list . "hub" "crt")) }}
{{- end }}
checksum/identity: {{ $identity | sha256sum | trunc 6 | quote }}
{{- end }}
{{- end }}
