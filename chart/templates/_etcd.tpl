{{- /*
  How etcd is reached.
*/}}

{{- /* The URLs of etcd as JSON: one per member of ours, or proxy.etcd.endpoints. */}}
{{- define "jupyterhub-ha.etcd.endpoints" -}}
  {{- include "jupyterhub-ha.etcd.urls" (list . "") }}
{{- end }}

{{- /* The same as seen from another namespace: takes (list <root context> <domain with a dot>). */}}
{{- define "jupyterhub-ha.etcd.urls" -}}
  {{- $etcd := (index . 0).Values.proxy.etcd }}
  {{- if $etcd.enabled }}
    {{- $name := include "jupyterhub-ha.proxy-etcd.fullname" (index . 0) }}
    {{- $domain := index . 1 }}
    {{- $urls := list }}
    {{- range $i := until (int $etcd.replicas) }}
      {{- $urls = append $urls (printf "https://%s-%d.%s%s:2379" $name $i $name $domain) }}
    {{- end }}
    {{- toJson $urls }}
  {{- else }}
    {{- toJson ($etcd.endpoints | default list) }}
  {{- end }}
{{- end }}

{{- /*
  The certificates of etcd's members and clients, as PEM: takes (list <root context> <whose> <part>)
  with whose: ca, or one of jupyterhub-ha.etcd.parties, and part: crt, key.
*/}}
{{- define "jupyterhub-ha.etcd.certificate" -}}
  {{- $root := index . 0 }}
  {{- include "jupyterhub-ha.etcd.certificates" $root }}
  {{- get (get $root.jupyterhubHaCertificates (index . 1)) (index . 2) }}
{{- end }}

{{- /* Those that have a certificate of etcd's authority, and so a Secret, as JSON. */}}
{{- define "jupyterhub-ha.etcd.parties" -}}
  {{- $parties := list "server" "hub" "root" "traefik" }}
  {{- if include "jupyterhub-ha.https.published" . }}
    {{- $parties = append $parties "certificates" }}
  {{- end }}
  {{- toJson $parties }}
{{- end }}

{{- /*
  Decides about all certificates once in a render and remembers them on the root context; renders
  nothing. In order: given in the values, kept from the Secrets in the cluster, drawn.

  One CA of its own signs them, so that being signed by it means something. Only Traefik's has a
  CommonName, which is its user in etcd: with --client-cert-auth, etcd's JSON gateway refuses every
  certificate that has one ("CommonName of client ... will be ignored").
*/}}
{{- define "jupyterhub-ha.etcd.certificates" -}}
  {{- if not (hasKey . "jupyterhubHaCertificates") }}
    {{- $all := dict }}
    {{- $tls := .Values.proxy.etcd.tls }}
    {{- if $tls.server.crt }}
      {{- range $who := prepend (include "jupyterhub-ha.etcd.parties" . | fromJsonArray) "ca" }}
        {{- $given := get $tls $who }}
        {{- $_ := set $all $who (dict "crt" ($given.crt | default "" | trim) "key" ($given.key | default "" | trim)) }}
      {{- end }}
    {{- else }}
      {{- include "jupyterhub-ha.etcd.certificates.own" (list . $all) }}
    {{- end }}
    {{- $_ := set . "jupyterhubHaCertificates" $all }}
  {{- end }}
{{- end }}

{{- /* Fills the dict with kept or drawn certificates: takes (list <root context> <dict>). */}}
{{- define "jupyterhub-ha.etcd.certificates.own" -}}
  {{- $root := index . 0 }}
  {{- $all := index . 1 }}
  {{- $etcd := include "jupyterhub-ha.proxy-etcd.fullname" $root }}
  {{- $days := int $root.Values.proxy.etcd.tls.validDays }}
  {{- $caSecret := include "jupyterhub-ha.proxy-etcd-ca.fullname" $root }}
  {{- $caCrt := include "jupyterhub-ha.secret.existing" (dict "root" $root "secret" $caSecret "key" "ca.crt") }}
  {{- $caKey := include "jupyterhub-ha.secret.existing" (dict "root" $root "secret" $caSecret "key" "ca.key") }}
  {{- $ca := dict }}
  {{- if and $caCrt $caKey }}
    {{- $ca = buildCustomCert (b64enc $caCrt) (b64enc $caKey) }}
  {{- else }}
    {{- /* P-256: drawing five RSA keys would take seconds. */}}
    {{- $ca = genCAWithKey (printf "%s CA" $etcd) $days (genPrivateKey "ecdsa") }}
  {{- end }}
  {{- $_ := set $all "ca" (dict "crt" (trim $ca.Cert) "key" (trim $ca.Key)) }}
  {{- range $who := include "jupyterhub-ha.etcd.parties" $root | fromJsonArray }}
    {{- $secret := printf "%s-%s" $etcd $who }}
    {{- $crt := include "jupyterhub-ha.secret.existing" (dict "root" $root "secret" $secret "key" "tls.crt") }}
    {{- $key := include "jupyterhub-ha.secret.existing" (dict "root" $root "secret" $secret "key" "tls.key") }}
    {{- $issuer := include "jupyterhub-ha.secret.existing" (dict "root" $root "secret" $secret "key" "ca.crt") }}
    {{- if and $crt $key (eq (trim $issuer) (trim $ca.Cert)) }}
      {{- $_ := set $all $who (dict "crt" (trim $crt) "key" (trim $key)) }}
    {{- else }}
      {{- $server := eq $who "server" }}
      {{- $names := ternary (include "jupyterhub-ha.etcd.serverNames" $root | fromJsonArray) list $server }}
      {{- $addresses := ternary (list "127.0.0.1" "::1") list $server }}
      {{- $commonName := ternary "traefik" "" (eq $who "traefik") }}
      {{- $new := genSignedCertWithKey $commonName $addresses $names $days $ca (genPrivateKey "ecdsa") }}
      {{- $_ := set $all $who (dict "crt" (trim $new.Cert) "key" (trim $new.Key)) }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
  The names in the members' certificate, as JSON. Five members, whatever `replicas` says, so that
  scaling needs no new one; and each name by itself, since OpenSSL refuses a wildcard with one label
  behind it ("*.proxy-etcd").
*/}}
{{- define "jupyterhub-ha.etcd.serverNames" -}}
  {{- $name := include "jupyterhub-ha.proxy-etcd.fullname" . }}
  {{- $names := list "localhost" $name (printf "%s.%s.svc" $name .Release.Namespace) }}
  {{- range $i := until 5 }}
    {{- $member := printf "%s-%d.%s" $name $i $name }}
    {{- $names = concat $names (list $member (printf "%s.%s.svc" $member $.Release.Namespace)) }}
  {{- end }}
  {{- toJson $names }}
{{- end }}

{{- /* A password in etcd: takes (list <root context> <user: root, hub or certificates>). */}}
{{- define "jupyterhub-ha.etcd.password" -}}
  {{- $root := index . 0 }}
  {{- $user := index . 1 }}
  {{- include "jupyterhub-ha.secret" (dict
    "root" $root "secret" (printf "%s-%s" (include "jupyterhub-ha.proxy-etcd.fullname" $root) $user)
    "key" "password" "given" (get $root.Values.proxy.etcd.auth (printf "%sPassword" $user)) "draw" "password") }}
{{- end }}
