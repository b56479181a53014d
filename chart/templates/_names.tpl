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

{{- define "jupyterhub-ha.hub-package-tmpnb.fullname" -}}
  {{- include "jupyterhub-ha.hub-package.fullname" . }}-tmpnb
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


{{- /* Shared notebooks: workload, Service, volume, policy; and the ConfigMap with the service. */}}
{{- define "jupyterhub-ha.share.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}share
{{- end }}

{{- define "jupyterhub-ha.share-package.fullname" -}}
  {{- include "jupyterhub-ha.share.fullname" . }}-package
{{- end }}

{{- define "jupyterhub-ha.share-pvc.fullname" -}}
  {{- .Values.tmpnb.share.storage.existingClaim | default (include "jupyterhub-ha.share.fullname" .) }}
{{- end }}

{{- /* The rest. */}}
{{- define "jupyterhub-ha.singleuser.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}singleuser
{{- end }}

{{- /* ConfigMap with the kernels of all users and what installs them. */}}
{{- define "jupyterhub-ha.singleuser-kernels.fullname" -}}
  {{- include "jupyterhub-ha.singleuser.fullname" . }}-kernels
{{- end }}

{{- /* Everything of the pods that serve static files of visitors' pages. */}}
{{- define "jupyterhub-ha.tmpnb-static.fullname" -}}
  {{- include "jupyterhub-ha.fullname.dash" . }}tmpnb-static
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
share: {{ include "jupyterhub-ha.share.fullname" . | quote }}
singleuser: {{ include "jupyterhub-ha.singleuser.fullname" . | quote }}
singleuser-kernels: {{ include "jupyterhub-ha.singleuser-kernels.fullname" . | quote }}
image-pull-secret: {{ include "jupyterhub-ha.image-pull-secret.fullname" . | quote }}
ingress: {{ include "jupyterhub-ha.ingress.fullname" . | quote }}
priority: {{ include "jupyterhub-ha.priority.fullname" . | quote }}
{{- end }}
