{{- /*
  Rules for shared notebooks: `tmpnb.share`. See validate.yaml.
*/}}

{{- /* Shared notebooks: what the service would not get, or could not keep. */}}
{{- define "jupyterhub-ha.validate.tmpnb.share" -}}
{{- $share := .Values.tmpnb.share -}}
{{- if $share.enabled }}
{{- if hasKey (.Values.hub.services | default dict) "share" }}
hub.services.share: is the name of the service for shared notebooks; give yours another one, or set tmpnb.share.enabled to false
{{- end }}
{{- if and $share.image.tag (not $share.image.name) }}
tmpnb.share.image.tag: is of an image that has no name; give tmpnb.share.image.name, too
{{- end }}
{{- if and $share.image.name (not $share.image.tag) }}
tmpnb.share.image.name: has no tag, and singleuser.image.tag is another image's; give tmpnb.share.image.tag, too
{{- end }}
{{- $ancestors := get (.Values.proxy.contentSecurityPolicy.singleuser | default dict) "frame-ancestors" }}
{{- if and $ancestors (not (has "'self'" $ancestors)) }}
proxy.contentSecurityPolicy.singleuser.frame-ancestors: lacks 'self', and a page of this host puts copies of shared notebooks into visitors' servers by such a frame; add "'self'", or set tmpnb.share.enabled to false
{{- end }}
{{- include "jupyterhub-ha.validate.tmpnb.share-storage" $share.storage }}
{{- if gt (float64 $share.maxSize) (float64 $share.totalSize) }}
tmpnb.share.maxSize: {{ $share.maxSize }} megabytes for one notebook are more than tmpnb.share.totalSize, {{ $share.totalSize }}, for all; lower it
{{- end }}
{{- end }}
{{- end }}

{{- /* Where shared notebooks are kept: takes `tmpnb.share.storage`. */}}
{{- define "jupyterhub-ha.validate.tmpnb.share-storage" -}}
{{- $s3 := .s3 -}}
{{- $path := "tmpnb.share.storage" }}
{{- if eq .type "s3" }}
{{- if not (regexMatch "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$" ($s3.endpoint | default "")) }}
{{ $path }}.s3.endpoint: {{ $s3.endpoint | default "" | quote }} is no URL of a store; write scheme and host without a path, such as https://s3.eu-central-1.amazonaws.com
{{- end }}
{{- if not (regexMatch "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$" ($s3.bucket | default "")) }}
{{ $path }}.s3.bucket: {{ $s3.bucket | default "" | quote }} is no name of a bucket; write 3 to 63 small letters, digits, dots and hyphens
{{- end }}
{{- if not $s3.existingSecret }}
{{ $path }}.s3.existingSecret: is empty, and the bucket is not open to everybody; make a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and name it
{{- end }}
{{- if .existingClaim }}
{{ $path }}.existingClaim: has no effect with a bucket; remove it, or set {{ $path }}.type to volume
{{- end }}
{{- else }}
{{- range $key := list "endpoint" "bucket" "existingSecret" }}
{{- if get $s3 $key }}
{{ $path }}.s3.{{ $key }}: has no effect with a volume; remove it, or set {{ $path }}.type to s3
{{- end }}
{{- end }}
{{- end }}
{{- end }}
