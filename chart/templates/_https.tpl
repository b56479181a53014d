{{- /*
  HTTPS that the replicas themselves end: one certificate, which a pod of its own publishes in etcd.
*/}}

{{- /* "true" when the replicas end TLS, else nothing. */}}
{{- define "jupyterhub-ha.https.published" -}}
  {{- $https := .Values.proxy.https }}
  {{- if and $https.enabled (eq .Values.proxy.kind "traefik-etcd") (ne $https.type "offload") }}true{{ end }}
{{- end }}

{{- /* "true" when an ACME authority is asked, else nothing. */}}
{{- define "jupyterhub-ha.https.acme" -}}
  {{- if and (include "jupyterhub-ha.https.published" .) (eq .Values.proxy.https.type "letsencrypt") }}true{{ end }}
{{- end }}

{{- /* The Secret in which others keep the certificate. */}}
{{- define "jupyterhub-ha.https.secret" -}}
  {{- if eq .Values.proxy.https.type "secret" }}
    {{- .Values.proxy.https.secret.name }}
  {{- else if eq .Values.proxy.https.type "manual" }}
    {{- include "jupyterhub-ha.proxy-public-manual-tls.fullname" . }}
  {{- else }}
    {{- include "jupyterhub-ha.proxy-public-tls.fullname" . }}
  {{- end }}
{{- end }}

{{- /* Entry points on which users come, as JSON. */}}
{{- define "jupyterhub-ha.https.entryPoints" -}}
  {{- /* With TLS `http` only redirects, but has the routes, too: while replicas are replaced by
         others with another type, each serves what it has. */}}
  {{- ternary (list "http" "https") (list "http") (eq (include "jupyterhub-ha.https.published" .) "true") | toJson }}
{{- end }}

{{- /* The port on which challenges are answered. */}}
{{- define "jupyterhub-ha.https.challengePort" -}}8089{{- end }}

{{- /* JSON: what dynamic.toml has for TLS, to merge over the rest. */}}
{{- define "jupyterhub-ha.https.dynamic" -}}
  {{- $traefik := .Values.proxy.traefik }}
  {{- $hsts := $traefik.hsts }}
  {{- $options := dict "minVersion" $traefik.tls.minVersion }}
  {{- with $traefik.tls.cipherSuites }}
    {{- $_ := set $options "cipherSuites" . }}
  {{- end }}
  {{- $http := dict "middlewares" dict "routers" dict "services" dict }}
  {{- if gt (int64 $hsts.maxAge) 0 }}
    {{- $_ := set $http.middlewares "hsts" (dict "headers" (dict "stsSeconds" $hsts.maxAge "stsIncludeSubdomains" $hsts.includeSubdomains "stsPreload" $hsts.preload)) }}
  {{- end }}
  {{- if include "jupyterhub-ha.https.acme" . }}
    {{- /* Before the redirect: an authority comes by HTTP, and to any replica. */}}
    {{- $_ := set $http.routers "acme-challenge" (dict "entryPoints" (list "http" "https") "rule" "PathPrefix(`/.well-known/acme-challenge/`)" "priority" 2000000 "service" "certificates") }}
    {{- $url := printf "http://%s:%s" (include "jupyterhub-ha.proxy-certificates.fullname" .) (include "jupyterhub-ha.https.challengePort" .) }}
    {{- $_ := set $http.services "certificates" (dict "loadBalancer" (dict "servers" (list (dict "url" $url)))) }}
  {{- end }}
  {{- toJson (dict "http" $http "tls" (dict "options" (dict "default" $options))) }}
{{- end }}
