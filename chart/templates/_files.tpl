{{- /*
  Files that a user puts into a container: `extraFiles` of hub and singleuser, as in Z2JH.
*/}}

{{- /*
  The content for `data` of a Secret, as a YAML map of base64, or nothing: takes
  (list <extraFiles> <its path in the values>).
*/}}
{{- define "jupyterhub-ha.files.data" -}}
  {{- $path := index . 1 }}
  {{- $data := dict }}
  {{- range $key, $file := index . 0 }}
    {{- $name := printf "%s.%s" $path $key }}
    {{- include "jupyterhub-ha.files.check" (list $file $name) }}
    {{- if $file.binaryData }}
      {{- $_ := set $data $key (nospace $file.binaryData) }}
    {{- else if $file.stringData }}
      {{- $_ := set $data $key ($file.stringData | b64enc) }}
    {{- else }}
      {{- $_ := set $data $key (include "jupyterhub-ha.files.encode" (list $file $name) | b64enc) }}
    {{- end }}
  {{- end }}
  {{- with $data }}{{ toYaml . }}{{ end }}
{{- end }}

{{- /* A file's `data` in the format that the name of the file asks for. */}}
{{- define "jupyterhub-ha.files.encode" -}}
  {{- $file := index . 0 }}
  {{- $extension := ext $file.mountPath }}
  {{- if has $extension (list ".yaml" ".yml") }}
    {{- toYaml $file.data }}
  {{- else if eq $extension ".json" }}
    {{- toJson $file.data }}
  {{- else if eq $extension ".toml" }}
    {{- toToml $file.data }}
  {{- else }}
    {{- fail (printf "\n\n%s.data: mountPath %s must end in .yaml, .yml, .json or .toml; use stringData for other files." (index . 1) $file.mountPath) }}
  {{- end }}
{{- end }}

{{- define "jupyterhub-ha.files.check" -}}
  {{- $file := index . 0 }}
  {{- $name := index . 1 }}
  {{- if not $file.mountPath }}
    {{- fail (printf "\n\n%s.mountPath: needed, the full path of the file in the container." $name) }}
  {{- end }}
  {{- $given := list }}
  {{- range list "data" "stringData" "binaryData" }}
    {{- if get $file . }}
      {{- $given = append $given . }}
      {{- if and (ne . "data") (not (kindIs "string" (get $file .))) }}
        {{- fail (printf "\n\n%s.%s: a text is needed; write it in quotes." $name .) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- if ne (len $given) 1 }}
    {{- fail (printf "\n\n%s: give one of data, stringData, binaryData; it has %d of them." $name (len $given)) }}
  {{- end }}
{{- end }}

{{- /* `items` of the Secret's volume: takes <extraFiles>. */}}
{{- define "jupyterhub-ha.files.items" -}}
{{- range $key, $file := . }}
- key: {{ $key | quote }}
  path: {{ $key | quote }}
  {{- if not (kindIs "invalid" $file.mode) }}
  mode: {{ $file.mode | int }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* `volumeMounts` of the Secret's volume "files": takes <extraFiles>. */}}
{{- define "jupyterhub-ha.files.mounts" -}}
{{- range $key, $file := . }}
- name: files
  mountPath: {{ $file.mountPath | quote }}
  subPath: {{ $key | quote }}
{{- end }}
{{- end }}
