{{- /*
  Every object name of the chart, one helper each, and nowhere else. The names are those of
  Zero to JupyterHub, so that `helm upgrade` takes over an existing release.

  Each helper takes the root context.
*/}}

{{- /*
  The prefix of every name: "" by default.
    fullnameOverride a string  -> that string
    fullnameOverride null      -> the release's name, then nameOverride (or "jupyterhub") unless
                                  the release's name contains it already
  "jupyterhub" and not the chart's own name, so that a Z2JH release that was installed with
  `fullnameOverride: null` keeps its names.
*/}}
{{- define "jupyterhub-ha.fullname" -}}
  {{- if kindIs "string" .Values.fullnameOverride }}
    {{- .Values.fullnameOverride }}
  {{- else }}
    {{- $name := "jupyterhub" }}
    {{- if kindIs "string" .Values.nameOverride }}
      {{- $name = .Values.nameOverride }}
    {{- end }}
    {{- if contains $name .Release.Name }}
      {{- .Release.Name }}
    {{- else }}
      {{- printf "%s-%s" .Release.Name $name }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* The prefix with a dash, or nothing. */}}
{{- define "jupyterhub-ha.fullname.dash" -}}
  {{- with include "jupyterhub-ha.fullname" . }}{{ . }}-{{ end }}
{{- end }}


{{- /* hub */}}
{{- define "jupyterhub-ha.hub.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}hub
{{- end }}

{{- define "jupyterhub-ha.hub-serviceaccount.fullname" -}}
  {{- $default := ternary (include "jupyterhub-ha.hub.fullname" .) "default" .Values.hub.serviceAccount.create }}
  {{- .Values.hub.serviceAccount.name | default $default }}
{{- end }}

{{- /* The Secret that the user keeps, or nothing. */}}
{{- define "jupyterhub-ha.hub-existing-secret.fullname" -}}
  {{- .Values.hub.existingSecret | default "" }}
{{- end }}

{{- define "jupyterhub-ha.hub-existing-secret-or-default.fullname" -}}
  {{- .Values.hub.existingSecret | default (include "jupyterhub-ha.hub.fullname" .) }}
{{- end }}

{{- define "jupyterhub-ha.hub-pvc.fullname" -}}
  {{- include "jupyterhub-ha.hub.fullname" . }}-db-dir
{{- end }}

{{- /* ConfigMaps with the package jupyterhub_ha. */}}
{{- define "jupyterhub-ha.hub-package.fullname" -}}
  {{- include "jupyterhub-ha.hub.fullname" . }}-package
{{- end }}

{{- define "jupyterhub-ha.hub-package-etcd.fullname" -}}
  {{- include "jupyterhub-ha.hub-package.fullname" . }}-etcd
{{- end }}

{{- define "jupyterhub-ha.hub-package-certificates.fullname" -}}
  {{- include "jupyterhub-ha.hub-package.fullname" . }}-certificates
{{- end }}

{{- define "jupyterhub-ha.hub-package-in-process.fullname" -}}
  {{- include "jupyterhub-ha.hub-package.fullname" . }}-in-process
{{- end }}

{{- /* Secret of a hub that is another release's, and the values for that release. */}}
{{- define "jupyterhub-ha.hub-identity.fullname" -}}
  {{- include "jupyterhub-ha.hub.fullname" . }}-identity
{{- end }}

{{- define "jupyterhub-ha.z2jh-values.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}z2jh-values
{{- end }}

{{- /* Pod of `helm test`. */}}
{{- define "jupyterhub-ha.hub-test.fullname" -}}
  {{- include "jupyterhub-ha.hub.fullname" . }}-test
{{- end }}


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


{{- /* The rest. */}}
{{- define "jupyterhub-ha.singleuser.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}singleuser
{{- end }}

{{- /* ConfigMap with the kernels of all users and what installs them. */}}
{{- define "jupyterhub-ha.singleuser-kernels.fullname" -}}
  {{- include "jupyterhub-ha.singleuser.fullname" . }}-kernels
{{- end }}

{{- define "jupyterhub-ha.image-pull-secret.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}image-pull-secret
{{- end }}

{{- define "jupyterhub-ha.ingress.fullname" -}}
  {{- include "jupyterhub-ha.fullname" . | default "jupyterhub" }}
{{- end }}

{{- /* PriorityClass: no namespace, so never without the release's name. */}}
{{- define "jupyterhub-ha.priority.fullname" -}}
  {{- include "jupyterhub-ha.fullname" . | default (printf "%s-default-priority" .Release.Name) }}
{{- end }}

{{- /* PrometheusRule */}}
{{- define "jupyterhub-ha.alerts.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}jupyterhub-alerts
{{- end }}

{{- /* ConfigMap with Grafana's dashboard. */}}
{{- define "jupyterhub-ha.dashboard.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}jupyterhub-dashboard
{{- end }}

{{- /*
  A name in another namespace, where other releases may have theirs, too: takes
  (list <root context> <name> <namespace, or nothing>).
*/}}
{{- define "jupyterhub-ha.monitoring.fullname" -}}
  {{- $root := index . 0 }}
  {{- $namespace := index . 2 | default $root.Release.Namespace }}
  {{- if ne $namespace $root.Release.Namespace }}{{ $root.Release.Namespace }}-{{ end }}
  {{- index . 1 }}
{{- end }}


{{- /*
  All names as YAML, for the hub's ConfigMap: Python asks for names and does not build them.
  The keys are Z2JH's where Z2JH has the object.
*/}}
{{- define "jupyterhub-ha.names" -}}
fullname: {{ include "jupyterhub-ha.fullname" . | quote }}
fullname-dash: {{ include "jupyterhub-ha.fullname.dash" . | quote }}
hub: {{ include "jupyterhub-ha.hub.fullname" . | quote }}
hub-serviceaccount: {{ include "jupyterhub-ha.hub-serviceaccount.fullname" . | quote }}
hub-existing-secret: {{ include "jupyterhub-ha.hub-existing-secret.fullname" . | quote }}
hub-existing-secret-or-default: {{ include "jupyterhub-ha.hub-existing-secret-or-default.fullname" . | quote }}
hub-pvc: {{ include "jupyterhub-ha.hub-pvc.fullname" . | quote }}
proxy: {{ include "jupyterhub-ha.proxy.fullname" . | quote }}
proxy-api: {{ include "jupyterhub-ha.proxy-api.fullname" . | quote }}
proxy-public: {{ include "jupyterhub-ha.proxy-public.fullname" . | quote }}
proxy-replicas: {{ include "jupyterhub-ha.proxy-replicas.fullname" . | quote }}
proxy-etcd: {{ include "jupyterhub-ha.proxy-etcd.fullname" . | quote }}
singleuser: {{ include "jupyterhub-ha.singleuser.fullname" . | quote }}
singleuser-kernels: {{ include "jupyterhub-ha.singleuser-kernels.fullname" . | quote }}
image-pull-secret: {{ include "jupyterhub-ha.image-pull-secret.fullname" . | quote }}
ingress: {{ include "jupyterhub-ha.ingress.fullname" . | quote }}
priority: {{ include "jupyterhub-ha.priority.fullname" . | quote }}
{{- end }}
