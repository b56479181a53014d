{{- /*
  What the pods of hub, proxy and etcd have in common.
*/}}

{{- /*
  Environment variables: takes a map (name to value, or name to the rest of an EnvVar) or a list of
  EnvVars, renders a list, or nothing.
*/}}
{{- define "jupyterhub-ha.extraEnv" -}}
  {{- $list := list }}
  {{- if kindIs "slice" . }}
    {{- $list = . }}
  {{- else }}
    {{- range $name, $value := . | default dict }}
      {{- if kindIs "map" $value }}
        {{- $list = append $list (merge dict $value (dict "name" $name)) }}
      {{- else if not (kindIs "invalid" $value) }}
        {{- $list = append $list (dict "name" $name "value" (kindIs "string" $value | ternary $value (toJson $value))) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- with $list }}{{ toYaml . }}{{ end }}
{{- end }}

{{- /*
  The same with defaults, which a variable of the same name replaces: takes (list <EnvVars as YAML>
  <map or list>).
*/}}
{{- define "jupyterhub-ha.env" -}}
  {{- $extra := include "jupyterhub-ha.extraEnv" (index . 1) | fromYamlArray }}
  {{- $names := list }}
  {{- range $extra }}{{ $names = append $names .name }}{{ end }}
  {{- $list := list }}
  {{- range index . 0 | fromYamlArray }}
    {{- if not (has .name $names) }}{{ $list = append $list . }}{{ end }}
  {{- end }}
  {{- with concat $list $extra }}{{ toYaml . }}{{ end }}
{{- end }}

{{- /*
  spec.affinity of a core pod: takes (list <root context> <affinity to merge over it>), renders YAML,
  or nothing.
*/}}
{{- define "jupyterhub-ha.coreAffinity" -}}
  {{- $root := index . 0 }}
  {{- $purpose := $root.Values.scheduling.corePods.nodeAffinity.matchNodePurpose }}
  {{- $term := dict "matchExpressions" (list (dict "key" "hub.jupyter.org/node-purpose" "operator" "In" "values" (list "core"))) }}
  {{- $affinity := dict }}
  {{- if eq $purpose "require" }}
    {{- $affinity = dict "nodeAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" (list $term))) }}
  {{- else if eq $purpose "prefer" }}
    {{- $preference := dict "weight" 100 "preference" $term }}
    {{- $affinity = dict "nodeAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list $preference)) }}
  {{- end }}
  {{- with mergeOverwrite $affinity (index . 1 | default dict | deepCopy) }}{{ toYaml . }}{{ end }}
{{- end }}

{{- /* spec.tolerations of a core pod: takes (list <root context> <its own tolerations>). */}}
{{- define "jupyterhub-ha.coreTolerations" -}}
  {{- $root := index . 0 }}
  {{- with concat ($root.Values.scheduling.corePods.tolerations | default list) (index . 1 | default list) }}
    {{- toYaml . }}
  {{- end }}
{{- end }}

{{- /* spec.topologySpreadConstraints: takes (list <root context> <component> <value>).
A Deployment's pods are counted by revision. Otherwise a rolling update spreads the new ones around
the old ones, and when those are gone two are left on one node. */}}
{{- define "jupyterhub-ha.topologySpread" -}}
  {{- $constraints := index . 2 }}
  {{- if kindIs "invalid" $constraints }}
    {{- $selector := dict "matchLabels" (include "jupyterhub-ha.matchLabels" (list (index . 0) (index . 1)) | fromYaml) }}
    {{- $constraints = list }}
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
      {{- $constraints = append $constraints (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" "labelSelector" $selector) }}
    {{- end }}
    {{- if has (index . 1) (list "proxy" "tmpnb-static") }}
      {{- range $constraints }}{{ $_ := set . "matchLabelKeys" (list "pod-template-hash") }}{{ end }}
    {{- end }}
  {{- end }}
  {{- with $constraints }}{{ toYaml . }}{{ end }}
{{- end }}

{{- /* A probe without its switch and path: takes the value, renders its numbers. */}}
{{- define "jupyterhub-ha.probe" -}}
  {{- omit . "enabled" "path" | toYaml }}
{{- end }}

{{- /* A spec with the user's `extraPodSpec` merged over it: takes (list <spec as YAML> <extra>). */}}
{{- define "jupyterhub-ha.mergedSpec" -}}
  {{- mergeOverwrite (index . 0 | fromYaml) (index . 1 | default dict | deepCopy) | toYaml }}
{{- end }}

{{- /* The limit of a PodDisruptionBudget; 0 is a limit, too. */}}
{{- define "jupyterhub-ha.pdb" -}}
  {{- if not (kindIs "invalid" .maxUnavailable) -}}
    maxUnavailable: {{ .maxUnavailable }}
  {{- else if not (kindIs "invalid" .minAvailable) -}}
    minAvailable: {{ .minAvailable }}
  {{- end }}
{{- end }}

{{- /* The address families of a Service: takes the value with ipFamilyPolicy and ipFamilies. */}}
{{- define "jupyterhub-ha.ipFamilies" -}}
{{- with .ipFamilyPolicy -}}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
