{{- /* Names of the objects of the proxy and of its etcd; _names.tpl has the others, and lists them. */}}

{{- /* proxy */}}
{{- define "jupyterhub-ha.proxy.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}proxy
{{- end }}

{{- define "jupyterhub-ha.proxy-serviceaccount.fullname" -}}
  {{- $default := ternary (include "jupyterhub-ha.proxy.fullname" .) "default" .Values.proxy.traefik.serviceAccount.create }}
  {{- .Values.proxy.traefik.serviceAccount.name | default $default }}
{{- end }}

{{- /* Service of configurable-http-proxy's API (kind chp). */}}
{{- define "jupyterhub-ha.proxy-api.fullname" -}}
  {{- include "jupyterhub-ha.proxy.fullname" . }}-api
{{- end }}

{{- define "jupyterhub-ha.proxy-public.fullname" -}}
  {{- include "jupyterhub-ha.proxy.fullname" . }}-public
{{- end }}

{{- /* Headless Service: one address per Traefik replica. */}}
{{- define "jupyterhub-ha.proxy-replicas.fullname" -}}
  {{- include "jupyterhub-ha.proxy.fullname" . }}-replicas
{{- end }}

{{- /* Secret with the users of Traefik's API and dashboard. */}}
{{- define "jupyterhub-ha.proxy-api-users.fullname" -}}
  {{- include "jupyterhub-ha.proxy.fullname" . }}-api-users
{{- end }}

{{- /* Secret with the certificate of proxy.https.manual; Z2JH's name. */}}
{{- define "jupyterhub-ha.proxy-public-manual-tls.fullname" -}}
  {{- include "jupyterhub-ha.proxy-public.fullname" . }}-manual-tls
{{- end }}

{{- /* cert-manager's Certificate, and the Secret that it fills. */}}
{{- define "jupyterhub-ha.proxy-public-tls.fullname" -}}
  {{- include "jupyterhub-ha.proxy-public.fullname" . }}-tls
{{- end }}

{{- /* What publishes certificates; also the Secret with account and certificate of an authority. */}}
{{- define "jupyterhub-ha.proxy-certificates.fullname" -}}
  {{- include "jupyterhub-ha.proxy.fullname" . }}-certificates
{{- end }}

{{- /* Secret with the key of an external account at the authority. */}}
{{- define "jupyterhub-ha.proxy-certificates-eab.fullname" -}}
  {{- include "jupyterhub-ha.proxy-certificates.fullname" . }}-eab
{{- end }}

{{- define "jupyterhub-ha.proxy-certificates-serviceaccount.fullname" -}}
  {{- $account := .Values.proxy.certificates.serviceAccount }}
  {{- $default := ternary (include "jupyterhub-ha.proxy-certificates.fullname" .) "default" $account.create }}
  {{- $account.name | default $default }}
{{- end }}

{{- /* proxy-etcd */}}
{{- define "jupyterhub-ha.proxy-etcd.fullname" -}}
  {{- include "jupyterhub-ha.proxy.fullname" . }}-etcd
{{- end }}

{{- define "jupyterhub-ha.proxy-etcd-serviceaccount.fullname" -}}
  {{- $default := ternary (include "jupyterhub-ha.proxy-etcd.fullname" .) "default" .Values.proxy.etcd.serviceAccount.create }}
  {{- .Values.proxy.etcd.serviceAccount.name | default $default }}
{{- end }}

{{- define "jupyterhub-ha.proxy-etcd-ca.fullname" -}}
  {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-ca
{{- end }}

{{- define "jupyterhub-ha.proxy-etcd-server.fullname" -}}
  {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-server
{{- end }}

{{- define "jupyterhub-ha.proxy-etcd-root.fullname" -}}
  {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-root
{{- end }}

{{- /* Secret with which the hub reaches etcd; the user's own with an external etcd, or nothing. */}}
{{- define "jupyterhub-ha.proxy-etcd-hub.fullname" -}}
  {{- if .Values.proxy.etcd.enabled }}
    {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-hub
  {{- else }}
    {{- .Values.proxy.etcd.existingSecret.hub | default "" }}
  {{- end }}
{{- end }}

{{- /* Secret with which Traefik reaches etcd; the user's own with an external etcd, or nothing. */}}
{{- define "jupyterhub-ha.proxy-etcd-traefik.fullname" -}}
  {{- if .Values.proxy.etcd.enabled }}
    {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-traefik
  {{- else }}
    {{- .Values.proxy.etcd.existingSecret.traefik | default "" }}
  {{- end }}
{{- end }}

{{- /* Secret with which certificates are published; the user's own with an external etcd, or nothing. */}}
{{- define "jupyterhub-ha.proxy-etcd-certificates.fullname" -}}
  {{- if .Values.proxy.etcd.enabled }}
    {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-certificates
  {{- else }}
    {{- .Values.proxy.etcd.existingSecret.certificates | default "" }}
  {{- end }}
{{- end }}

{{- /* The Job adds a hash of its own content. */}}
{{- define "jupyterhub-ha.proxy-etcd-setup.fullname" -}}
  {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-setup
{{- end }}

{{- /* The CronJob that repeats the set-up. */}}
{{- define "jupyterhub-ha.proxy-etcd-setup-repeat.fullname" -}}
  {{- include "jupyterhub-ha.proxy-etcd-setup.fullname" . }}-repeat
{{- end }}

{{- define "jupyterhub-ha.proxy-etcd-maintenance.fullname" -}}
  {{- include "jupyterhub-ha.proxy-etcd.fullname" . }}-maintenance
{{- end }}
