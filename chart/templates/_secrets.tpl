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

{{- /*
  An htpasswd line: takes (list <user> <password>). The hash is SHA-1, in the form that htpasswd -s
  writes: Sprig's htpasswd draws a new bcrypt salt at each render, so every upgrade would restart the
  pods, and bcrypt costs Traefik about 50 ms of CPU at each of the hub's calls. The passwords are
  drawn and long, and whoever can read the hash can read the password beside it.
*/}}
{{- define "jupyterhub-ha.htpasswd" -}}
  {{- printf "%s:{SHA}%s" (index . 0) (include "jupyterhub-ha.hexToBase64" (index . 1 | sha1sum)) }}
{{- end }}

{{- /*
  The base64 of bytes that are given as 40 hex digits, a SHA-1; Sprig cannot decode hex. Six digits
  are 24 bits are four letters. The 20 bytes are two more than six such groups, so the last group
  is filled up with a zero byte, whose letter is replaced by the padding.
*/}}
{{- define "jupyterhub-ha.hexToBase64" -}}
  {{- $alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" }}
  {{- $hex := printf "%s00" . }}
  {{- $text := "" }}
  {{- range $group := until 7 }}
    {{- $bits := printf "0x%s" (substr (mul 6 $group | int) (mul 6 (add $group 1) | int) $hex) | int }}
    {{- range $divisor := list 262144 4096 64 1 }}
      {{- $letter := mod (div $bits $divisor) 64 | int }}
      {{- $text = printf "%s%s" $text (substr $letter (add $letter 1 | int) $alphabet) }}
    {{- end }}
  {{- end }}
  {{- printf "%s=" (trunc 27 $text) }}
{{- end }}
