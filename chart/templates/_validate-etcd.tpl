{{- /*
  Rules for etcd. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.etcd" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- if and (eq .Values.proxy.kind "traefik-etcd") $etcd.enabled }}
{{- $replicas := int $etcd.replicas }}
{{- if not (has $replicas (list 1 3 5)) }}
proxy.etcd.replicas: {{ $replicas }} members {{ ternary "survive no more losses than one less, and break sooner" "are not 1, 3 or 5" (eq 0 (mod $replicas 2)) }}; use 1, 3 or 5
{{- end }}
{{- if and (eq $etcd.storage.type "memory") (gt $replicas 1) }}
proxy.etcd.storage.type: members that lose their memory with their pods cannot come back once a majority is gone; use pvc, or proxy.etcd.replicas: 1
{{- end }}
{{- if lt (int $etcd.electionTimeoutMilliseconds) (mul 5 (int $etcd.heartbeatIntervalMilliseconds) | int) }}
proxy.etcd.electionTimeoutMilliseconds: {{ int $etcd.electionTimeoutMilliseconds }} is less than five heartbeats, which etcd refuses; use ten times heartbeatIntervalMilliseconds
{{- end }}
{{- $number := regexMatch "^[0-9]+$" (toString $etcd.autoCompaction.retention) }}
{{- if and (eq $etcd.autoCompaction.mode "revision") (not $number) }}
proxy.etcd.autoCompaction.retention: {{ $etcd.autoCompaction.retention }} is no number of revisions; use a number such as 1000, or the mode periodic
{{- end }}
{{- if and (eq $etcd.autoCompaction.mode "periodic") (not (regexMatch "^[0-9]+(h|m|s)?$" (toString $etcd.autoCompaction.retention))) }}
proxy.etcd.autoCompaction.retention: {{ $etcd.autoCompaction.retention }} is no time; use one such as 10m or 1h
{{- end }}
{{- /* The set-up logs in with it, so it can change the hub's password, but not this one. */}}
{{- $secret := include "jupyterhub-ha.proxy-etcd-root.fullname" . }}
{{- $present := include "jupyterhub-ha.secret.existing" (dict "root" . "secret" $secret "key" "password") }}
{{- if and $present $etcd.auth.rootPassword (ne $present (toString $etcd.auth.rootPassword)) }}
proxy.etcd.auth.rootPassword: is not the one that etcd has, which is in Secret {{ $secret }}; keep that one, or delete the Secret and let etcd begin anew, as docs/how-to/etcd.md says
{{- end }}
{{- if ne $etcd.auth.hubUsername "hub" }}
proxy.etcd.auth.hubUsername: the chart's own etcd knows the hub as hub; remove it
{{- end }}
{{- if $etcd.endpoints }}
proxy.etcd.endpoints: the chart runs its own etcd, so they are not used; set proxy.etcd.enabled to false or remove them
{{- end }}
{{- range $who, $name := $etcd.existingSecret }}
{{- if $name }}
proxy.etcd.existingSecret.{{ $who }}: the chart runs its own etcd, with Secrets of its own; set proxy.etcd.enabled to false, or remove it and give the certificates in proxy.etcd.tls
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.etcd-external" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- if and (eq .Values.proxy.kind "traefik-etcd") (not $etcd.enabled) }}
{{- if not $etcd.endpoints }}
proxy.etcd.endpoints: is empty, and the chart runs no etcd; name your own etcd's URLs or set proxy.etcd.enabled to true
{{- end }}
{{- $schemes := list }}
{{- range $index, $url := $etcd.endpoints }}
{{- if regexMatch "^https?://[^/@:]+:[0-9]+/?$|^https?://\\[[0-9a-fA-F:]+\\]:[0-9]+/?$" $url }}
{{- $schemes = append $schemes (splitList ":" $url | first) | uniq }}
{{- else }}
proxy.etcd.endpoints[{{ $index }}]: {{ $url }} is no URL with a port; write it like https://etcd-0.example.org:2379
{{- end }}
{{- end }}
{{- if gt (len $schemes) 1 }}
proxy.etcd.endpoints: some are http and some https; use one of them for all
{{- else if eq (first $schemes | default "") "https" }}
{{- range $who := list "hub" "traefik" }}
{{- if not (get $etcd.existingSecret $who) }}
proxy.etcd.existingSecret.{{ $who }}: is empty, and https needs certificates; name a Secret with ca.crt, tls.crt and tls.key
{{- end }}
{{- end }}
{{- else if and $schemes $etcd.existingSecret.traefik }}
proxy.etcd.existingSecret.traefik: certificates have no meaning over http; use https in proxy.etcd.endpoints or remove it
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.etcd-secrets" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- if and (eq .Values.proxy.kind "traefik-etcd") $etcd.enabled }}
{{- include "jupyterhub-ha.validate.password" (list "proxy.etcd.auth.rootPassword" $etcd.auth.rootPassword) }}
{{- include "jupyterhub-ha.validate.password" (list "proxy.etcd.auth.hubPassword" $etcd.auth.hubPassword) }}
{{- $given := list }}
{{- $missing := list }}
{{- range $who := prepend (include "jupyterhub-ha.etcd.parties" . | fromJsonArray) "ca" }}
{{- range $part := list "crt" "key" }}
{{- $path := printf "proxy.etcd.tls.%s.%s" $who $part }}
{{- if get (get $etcd.tls $who) $part }}
{{- $given = append $given $path }}
{{- else if ne $path "proxy.etcd.tls.ca.key" }}
{{- $missing = append $missing $path }}
{{- end }}
{{- end }}
{{- end }}
{{- if $given }}
{{- range $missing }}
{{ . }}: is empty, but {{ first $given }} is given; give all of proxy.etcd.tls or nothing (`proxy-gen secrets` writes all)
{{- end }}
{{- end }}
{{- end }}
{{- end }}
