{{- /* One JSON object per line: sections and properties in the order of values.yaml. */}}
{{- range .Sections }}
{{ dict "section" .Name "text" .Description.String | toJson }}
{{- range .Properties }}
{{ dict "path" .Path.String "text" .Description.String "default" .Default | toJson }}
{{- end }}
{{- end }}
