{{- /*
  How etcd is reached.
*/}}

{{- /* The URLs of etcd as JSON: one per member of ours, or proxy.etcd.endpoints. */}}
{{- define "jupyterhub-ha.etcd.endpoints" -}}
  {{- $etcd := .Values.proxy.etcd }}
  {{- if $etcd.enabled }}
    {{- $name := include "jupyterhub-ha.proxy-etcd.fullname" . }}
    {{- $urls := list }}
    {{- range $i := until (int $etcd.replicas) }}
      {{- $urls = append $urls (printf "https://%s-%d.%s:2379" $name $i $name) }}
    {{- end }}
    {{- toJson $urls }}
  {{- else }}
    {{- toJson $etcd.endpoints }}
  {{- end }}
{{- end }}
