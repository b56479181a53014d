{{- /*
  TOML documents.
*/}}

{{- /*
  A dict as TOML. Values come from YAML through JSON, so every number in them is a float for Helm:
  toToml would write 200 as "200.0" and 1000000 as "1e+06", and Traefik refuses both for an integer.
*/}}
{{- define "jupyterhub-ha.toml" -}}
  {{- include "jupyterhub-ha.toml.integers" . }}
  {{- toToml . }}
{{- end }}

{{- /* Turns whole floats in a dict into integers, in place and at every depth; renders nothing. */}}
{{- define "jupyterhub-ha.toml.integers" -}}
  {{- $dict := . }}
  {{- range $key, $value := $dict }}
    {{- if kindIs "map" $value }}
      {{- include "jupyterhub-ha.toml.integers" $value }}
    {{- else if kindIs "slice" $value }}
      {{- $items := list }}
      {{- range $value }}
        {{- /* A dict of its own, so that an item is treated like any other value. */}}
        {{- $box := dict "item" . }}
        {{- include "jupyterhub-ha.toml.integers" $box }}
        {{- $items = append $items $box.item }}
      {{- end }}
      {{- $_ := set $dict $key $items }}
    {{- else if kindIs "float64" $value }}
      {{- if eq (floor $value) $value }}
        {{- $_ := set $dict $key (int64 $value) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
