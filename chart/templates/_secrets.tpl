{{- /*
  Everything random is born here and nowhere else.
*/}}

{{- /*
  One secret value, the same at each call within a render and kept over upgrades. Takes a dict:

    root    the root context
    secret  name of the Secret that holds it
    key     its key there
    given   the value from values.yaml; it wins when not empty
    draw    what to draw otherwise: "hex" (64 hex digits) or "password" (48 letters and digits)

  In order: given, the existing Secret in the cluster, drawn at random. `helm template` sees no
  cluster, so there everything that is not given changes with each call: give the values to get the
  same bytes twice.

  What was decided is remembered on the root context (not in .Values, which the hub gets to see):
  a value that is used in a Secret and in a pod's checksum has to be drawn once only.
*/}}
{{- define "jupyterhub-ha.secret" -}}
  {{- $root := .root }}
  {{- if not (hasKey $root "jupyterhubHaSecrets") }}
    {{- $_ := set $root "jupyterhubHaSecrets" dict }}
  {{- end }}
  {{- $memo := $root.jupyterhubHaSecrets }}
  {{- $id := printf "%s/%s" .secret .key }}
  {{- if not (hasKey $memo $id) }}
    {{- $value := .given | default "" | toString }}
    {{- if not $value }}
      {{- $value = include "jupyterhub-ha.secret.existing" (dict "root" $root "secret" .secret "key" .key) }}
    {{- end }}
    {{- if not $value }}
      {{- $value = include "jupyterhub-ha.secret.draw" .draw }}
    {{- end }}
    {{- $_ := set $memo $id $value }}
  {{- end }}
  {{- get $memo $id }}
{{- end }}

{{- /* The value of a key of a Secret in the cluster, decoded, or nothing. */}}
{{- define "jupyterhub-ha.secret.existing" -}}
  {{- $object := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict }}
  {{- get ($object.data | default dict) .key | default "" | b64dec }}
{{- end }}

{{- define "jupyterhub-ha.secret.draw" -}}
  {{- if eq . "hex" }}
    {{- /* Sprig draws letters and digits only; 64 of them carry more than 256 bits, which SHA-256
           turns into 64 hex digits. */}}
    {{- randAlphaNum 64 | sha256sum }}
  {{- else if eq . "password" }}
    {{- randAlphaNum 48 }}
  {{- else }}
    {{- printf "jupyterhub-ha.secret: draw must be hex or password, not %v" . | fail }}
  {{- end }}
{{- end }}
