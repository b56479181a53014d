{{- /*
  Rules for metrics and alerts. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.monitoring" -}}
{{- $monitor := .Values.monitoring.podMonitor -}}
{{- $rule := .Values.monitoring.prometheusRule -}}
{{- if $monitor.enabled }}
{{- $namespace := $monitor.namespace | default .Release.Namespace }}
{{- if and (ne $namespace .Release.Namespace) (include "jupyterhub-ha.monitoring.service" .) }}
monitoring.podMonitor.namespace: a PodMonitor in {{ $namespace }} cannot read the token for the hub's metrics, which is a Secret in {{ .Release.Namespace }}; remove it, name a Secret of that namespace in monitoring.podMonitor.hubAuthorization, or set hub.authenticatePrometheus to false
{{- end }}
{{- end }}
{{- $alerts := list }}
{{- range include "jupyterhub-ha.monitoring.rules" . | fromYamlArray }}
{{- range .rules }}
{{- $alerts = append $alerts .alert }}
{{- end }}
{{- end }}
{{- range $index, $name := $rule.disabled }}
{{- if not (has $name $alerts) }}
monitoring.prometheusRule.disabled[{{ $index }}]: there is no alert {{ $name }}; take one of {{ join ", " $alerts }}
{{- end }}
{{- end }}
{{- end }}
