{{- /*
  Metrics and alerts: who has metrics, who may read them, and with which token.
*/}}

{{- /*
  Those that have metrics, as JSON: component (which is the job's name, too), the object's name, port
  and path of the pod.
*/}}
{{- define "jupyterhub-ha.monitoring.targets" -}}
  {{- $targets := list }}
  {{- if .Values.hub.enabled }}
    {{- $targets = append $targets (dict
      "component" "hub" "name" (include "jupyterhub-ha.hub.fullname" .) "port" "http"
      "path" (printf "%s/hub/metrics" (trimSuffix "/" .Values.hub.baseUrl))) }}
  {{- end }}
  {{- if eq .Values.proxy.kind "traefik-etcd" }}
    {{- $targets = append $targets (dict
      "component" "proxy" "name" (include "jupyterhub-ha.proxy.fullname" .)
      "port" "internal" "path" "/metrics") }}
    {{- if .Values.proxy.etcd.enabled }}
      {{- $targets = append $targets (dict
        "component" "proxy-etcd" "name" (include "jupyterhub-ha.proxy-etcd.fullname" .)
        "port" "health" "path" "/metrics") }}
    {{- end }}
  {{- end }}
  {{- toJson $targets }}
{{- end }}

{{- /*
  The network policy peers that read metrics, as YAML, or nothing: takes
  (list <root context> <other peers>).
*/}}
{{- define "jupyterhub-ha.monitoring.peers" -}}
  {{- $monitoring := (index . 0).Values.monitoring }}
  {{- $peers := index . 1 | default list }}
  {{- if $monitoring.podMonitor.enabled }}
    {{- $peers = concat $peers ($monitoring.allowFrom | default list) }}
  {{- end }}
  {{- with $peers }}{{ toYaml . }}{{ end }}
{{- end }}

{{- /*
  The metadata of an object for Prometheus or Grafana, as YAML: takes
  (list <root context> <component> <name> <its part of the values>). The user's labels win: many a
  Prometheus selects by `release`, which is a label of ours, too.
*/}}
{{- define "jupyterhub-ha.monitoring.metadata" -}}
{{- $root := index . 0 -}}
{{- $part := index . 3 -}}
{{- $labels := include "jupyterhub-ha.labels" (list $root (index . 1)) | fromYaml -}}
name: {{ include "jupyterhub-ha.monitoring.fullname" (list $root (index . 2) $part.namespace) }}
{{- with $part.namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- mergeOverwrite $labels (deepCopy ($part.labels | default dict)) | toYaml | nindent 2 }}
{{- with $part.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The service of the hub whose token Prometheus shows, or nothing where none is needed. */}}
{{- define "jupyterhub-ha.monitoring.service" -}}
  {{- $monitor := .Values.monitoring.podMonitor }}
  {{- $option := .Values.hub.authenticatePrometheus }}
  {{- $trait := dig "JupyterHub" "authenticate_prometheus" $option (.Values.hub.config | default dict) }}
  {{- if and $monitor.enabled .Values.hub.enabled (not $monitor.hubAuthorization) (ne (toString $trait) "false") -}}
    prometheus
  {{- end }}
{{- end }}

{{- /*
  `services` and `loadRoles` of the hub, as JSON, with Prometheus among them. What the user says
  about a service of that name wins. The token follows from the cookies' key, which it does not tell:
  so there is no further secret to keep, and a render without a cluster is the same each time.
*/}}
{{- define "jupyterhub-ha.hub.services" -}}
  {{- $services := dict }}
  {{- $roles := dict }}
  {{- with include "jupyterhub-ha.monitoring.service" . }}
    {{- $token := include "jupyterhub-ha.hub.cookieSecret" $ | printf "metrics/%s" | sha256sum }}
    {{- $_ := set $services . (dict "apiToken" $token) }}
    {{- $_ := set $roles . (dict "services" (list .) "scopes" (list "read:metrics")) }}
  {{- end }}
  {{- if include "jupyterhub-ha.share.enabled" . }}
    {{- $token := include "jupyterhub-ha.hub.cookieSecret" $ | printf "share/%s" | sha256sum }}
    {{- $_ := set $services "share" (dict "apiToken" $token) }}
  {{- end }}
  {{- toJson (dict
    "services" (mergeOverwrite $services (deepCopy (.Values.hub.services | default dict)))
    "loadRoles" (mergeOverwrite $roles (deepCopy (.Values.hub.loadRoles | default dict)))) }}
{{- end }}

{{- /* `authorization` for the hub's metrics, as YAML, or nothing. */}}
{{- define "jupyterhub-ha.monitoring.authorization" -}}
  {{- $service := include "jupyterhub-ha.monitoring.service" . }}
  {{- if .Values.monitoring.podMonitor.hubAuthorization }}
    {{- toYaml .Values.monitoring.podMonitor.hubAuthorization }}
  {{- else if $service }}
    {{- $secret := include "jupyterhub-ha.hub.fullname" . }}
    {{- $key := printf "hub.services.%s.apiToken" $service }}
    {{- toYaml (dict "type" "Bearer" "credentials" (dict "name" $secret "key" $key)) }}
  {{- end }}
{{- end }}

{{- /* The groups of all rule files as YAML, as they are: with their placeholders. */}}
{{- define "jupyterhub-ha.monitoring.rules" -}}
  {{- $groups := list }}
  {{- range $path, $_ := .Files.Glob "files/monitoring/*alerts.yaml" }}
    {{- $groups = concat $groups ($.Files.Get $path | fromYaml).groups }}
  {{- end }}
  {{- toYaml $groups }}
{{- end }}

{{- /*
  The groups of rules as YAML: those of files/monitoring/*alerts.yaml whose component is there. These
  are rule files that Prometheus reads as they are; their few __PLACEHOLDERS__ are filled in here.
*/}}
{{- define "jupyterhub-ha.monitoring.groups" -}}
  {{- $rule := .Values.monitoring.prometheusRule }}
  {{- $traefik := .Values.proxy.traefik }}
  {{- $replicas := ternary $traefik.autoscaling.minReplicas $traefik.replicas $traefik.autoscaling.enabled }}
  {{- $days := "14" }}
  {{- if and (include "jupyterhub-ha.https.acme" .) (eq .Values.proxy.https.letsencrypt.profile "shortlived") }}
    {{- /* A certificate of six days is renewed two days before its end: that is no alert. */}}
    {{- $days = "1" }}
  {{- end }}
  {{- $text := include "jupyterhub-ha.monitoring.rules" .
    | replace "__CERTIFICATEDAYS__" $days
    | replace "__NAMESPACE__" .Release.Namespace
    | replace "__REPLICAS__" (int $replicas | toString)
    | replace "__MEMBERS__" (int .Values.proxy.etcd.replicas | toString)
    | replace "__RUNBOOK__" $rule.runbookUrl }}
  {{- $components := list }}
  {{- range include "jupyterhub-ha.monitoring.targets" . | fromJsonArray }}
    {{- $components = append $components (printf "jupyterhub-ha.%s" .component) }}
  {{- end }}
  {{- if .Values.tmpnb.enabled }}
    {{- $components = append $components "jupyterhub-ha.tmpnb" }}
  {{- end }}
  {{- if include "jupyterhub-ha.tmpnb-static.enabled" . }}
    {{- $components = append $components "jupyterhub-ha.tmpnb-static" }}
  {{- end }}
  {{- $groups := list }}
  {{- range $group := fromYamlArray $text }}
    {{- $rules := list }}
    {{- range $group.rules }}
      {{- if not (has .alert ($rule.disabled | default list)) }}
        {{- $_ := set . "labels" (mergeOverwrite .labels (deepCopy ($rule.additionalRuleLabels | default dict))) }}
        {{- $rules = append $rules . }}
      {{- end }}
    {{- end }}
    {{- if and $rules (has $group.name $components) }}
      {{- $groups = append $groups (set $group "rules" $rules) }}
    {{- end }}
  {{- end }}
  {{- toYaml (concat $groups ($rule.additionalGroups | default list)) }}
{{- end }}
