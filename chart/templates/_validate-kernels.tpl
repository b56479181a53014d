{{- /*
  Rules for `singleuser.kernels`. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.kernels" -}}
{{- $sources := list "package" "kernelspec" "prebuilt" -}}
{{- $texts := list "name" "package" "module" "kernelspec" -}}
{{- $names := dict -}}
{{- range $place, $kernel := .Values.singleuser.kernels }}
{{- $path := printf "singleuser.kernels[%d]" $place }}
{{- range $key, $value := $kernel }}
{{- if not (has $key (concat $texts (list "prebuilt"))) }}
{{ $path }}.{{ $key }}: unknown key; a kernel has {{ join ", " $texts }} and prebuilt
{{- else if and (has $key $texts) (not (kindIs "string" $value)) }}
{{ $path }}.{{ $key }}: must be a text; put it in quotes
{{- else if and (eq $key "prebuilt") (not (kindIs "bool" $value)) }}
{{ $path }}.prebuilt: must be true or false; write it without quotes
{{- end }}
{{- end }}
{{- $given := list }}
{{- range $sources }}
{{- if get $kernel . }}{{ $given = append $given . }}{{ end }}
{{- end }}
{{- if ne (len $given) 1 }}
{{ $path }}: has {{ join " and " $given | default "no source" }}; give one of {{ join ", " $sources }}
{{- end }}
{{- $name := toString ($kernel.name | default "") }}
{{- if not $name }}
{{ $path }}.name: is missing; give the name that `jupyter kernelspec list` is to show
{{- else if not (regexMatch "^[a-z0-9][a-z0-9._-]*$" $name) }}
{{ $path }}.name: {{ $name | quote }} is no name of a kernel; take lower-case letters, digits, `.`, `_` and `-`, as `jupyter kernelspec list` shows it
{{- else if hasKey $names $name }}
{{ $path }}.name: {{ $name }} is the name of {{ get $names $name }}, too; each kernel needs its own
{{- end }}
{{- $_ := set $names $name $path }}
{{- with $kernel.package }}
{{- if not (regexMatch "^[A-Za-z0-9][^\\n]*$" (toString .)) }}
{{ $path }}.package: {{ . | quote }} is nothing that pip installs; write a requirement such as octave_kernel==1.1.1, and options of pip as PIP_* variables in singleuser.extraEnv
{{- end }}
{{- end }}
{{- with $kernel.module }}
{{- if not (regexMatch "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$" (toString .)) }}
{{ $path }}.module: {{ . | quote }} is no name of a Python module; write it as in `python -m MODULE`
{{- end }}
{{- if not $kernel.package }}
{{ $path }}.module: is a module of a package, and there is none; give package, too, or remove it
{{- end }}
{{- end }}
{{- with $kernel.kernelspec }}
{{- if not (regexMatch "^/[^\\n]+$" (toString .)) }}
{{ $path }}.kernelspec: {{ . | quote }} is no full path; write the folder's path in the users' image, from / on
{{- end }}
{{- end }}
{{- end }}
{{- end }}
