{{- /*
  Images and the Secrets to pull them with.
*/}}

{{- /*
  Takes (list <root context> <image: {name, tag, ...}>); renders the reference. A tag that starts
  with "sha256:" is a digest. global.imageRegistry replaces the registry of every image of the chart,
  also where the name has none ("traefik" is "docker.io/library/traefik").
*/}}
{{- define "jupyterhub-ha.image" -}}
  {{- $root := index . 0 }}
  {{- $image := index . 1 }}
  {{- $name := $image.name }}
  {{- with ($root.Values.global | default dict).imageRegistry }}
    {{- $parts := splitList "/" $name }}
    {{- if and (gt (len $parts) 1) (regexMatch "[.:]|^localhost$" (first $parts)) }}
      {{- $name = rest $parts | join "/" }}
    {{- end }}
    {{- $name = printf "%s/%s" (trimSuffix "/" .) $name }}
  {{- end }}
  {{- $tag := toString $image.tag }}
  {{- printf "%s%s%s" $name (ternary "@" ":" (hasPrefix "sha256:" $tag)) $tag }}
{{- end }}

{{- /*
  Takes (list <root context> <image>); renders spec.imagePullSecrets as JSON, or nothing: the
  image's own pullSecrets, then imagePullSecrets and global.imagePullSecrets (strings or {name: ...}),
  then the Secret that imagePullSecret.create makes.
*/}}
{{- define "jupyterhub-ha.imagePullSecrets" -}}
  {{- $root := index . 0 }}
  {{- $image := index . 1 }}
  {{- $global := ($root.Values.global | default dict).imagePullSecrets | default list }}
  {{- $all := concat ($image.pullSecrets | default list) ($root.Values.imagePullSecrets | default list) $global }}
  {{- if and $root.Values.imagePullSecret.create $root.Values.imagePullSecret.automaticReferenceInjection }}
    {{- $all = append $all (include "jupyterhub-ha.image-pull-secret.fullname" $root) }}
  {{- end }}
  {{- $refs := list }}
  {{- range $all }}
    {{- $refs = append $refs (ternary (dict "name" .) . (kindIs "string" .)) }}
  {{- end }}
  {{- with $refs | uniq }}{{ . | toJson }}{{ end }}
{{- end }}
