{{- /*
  Companion mode (hub.enabled: false): the hub is another release's, in this namespace or in another
  one. What differs then is said here; all helpers take the root context unless they say otherwise.
*/}}

{{- /* The namespace of the hub and of its users' pods. */}}
{{- define "jupyterhub-ha.hub.namespace" -}}
  {{- $external := ternary "" .Values.hub.external.namespace .Values.hub.enabled }}
  {{- $external | default .Release.Namespace }}
{{- end }}

{{- /* "true" when that is not the release's own namespace, else nothing. */}}
{{- define "jupyterhub-ha.hub.elsewhere" -}}
  {{- if ne (include "jupyterhub-ha.hub.namespace" .) .Release.Namespace }}true{{ end }}
{{- end }}

{{- /* The name of the hub's Service. */}}
{{- define "jupyterhub-ha.hub.service" -}}
  {{- ternary (include "jupyterhub-ha.hub.fullname" .) (.Values.hub.external.service | default "hub") .Values.hub.enabled }}
{{- end }}

{{- /* The port of the hub's Service and of its pod. */}}
{{- define "jupyterhub-ha.hub.port" -}}
  {{- ternary 8081 (int (.Values.hub.external.port | default 8081)) .Values.hub.enabled }}
{{- end }}

{{- /* The hub as Traefik reaches it. */}}
{{- define "jupyterhub-ha.hub.url" -}}
  {{- $domain := "" }}
  {{- if include "jupyterhub-ha.hub.elsewhere" . }}
    {{- $domain = printf ".%s.svc" (include "jupyterhub-ha.hub.namespace" .) }}
  {{- end }}
  {{- printf "http://%s%s:%s" (include "jupyterhub-ha.hub.service" .) $domain (include "jupyterhub-ha.hub.port" .) }}
{{- end }}

{{- /* What the hub puts behind the names of this release's Services. */}}
{{- define "jupyterhub-ha.release.domain" -}}
  {{- if include "jupyterhub-ha.hub.elsewhere" . }}{{ printf ".%s.svc" .Release.Namespace }}{{ end }}
{{- end }}

{{- /*
  The hub's or the users' pods as peer of a network policy: takes (list <root context> <component>).
  Of another release neither its name nor its label `app` is known; its components have Z2JH's names.
*/}}
{{- define "jupyterhub-ha.hub.peer" -}}
{{- $root := index . 0 -}}
- podSelector:
    matchLabels:
      {{- if $root.Values.hub.enabled }}
      {{- include "jupyterhub-ha.matchLabels" . | nindent 6 }}
      {{- else }}
      component: {{ index . 1 | quote }}
      {{- end }}
  {{- if include "jupyterhub-ha.hub.elsewhere" $root }}
  namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "jupyterhub-ha.hub.namespace" $root | quote }}
  {{- end }}
{{- end }}

{{- /*
  This release's pods as peer in a policy of the hub's release: takes (list <root context>
  <component>).
*/}}
{{- define "jupyterhub-ha.release.peer" -}}
{{- $root := index . 0 -}}
- podSelector:
    matchLabels:
      {{- include "jupyterhub-ha.matchLabels" . | nindent 6 }}
  {{- if include "jupyterhub-ha.hub.elsewhere" $root }}
  namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ $root.Release.Namespace | quote }}
  {{- end }}
{{- end }}
