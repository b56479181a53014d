{{- /*
  Rules for HTTPS. See validate.yaml.
*/}}

{{- define "jupyterhub-ha.validate.https" -}}
{{- $proxy := .Values.proxy -}}
{{- $https := $proxy.https -}}
{{- $type := $https.type -}}
{{- if and $https.enabled (ne $type "offload") }}
{{- if has $proxy.kind (list "chp" "in-process" "external") }}
proxy.https.type: {{ $type }} needs Traefik's replicas, and proxy.kind is {{ $proxy.kind }}; use proxy.kind traefik-etcd, or end TLS in front and set proxy.https.type to offload
{{- end }}
{{- if .Values.ingress.enabled }}
ingress.enabled: two would end TLS, and the replicas would answer the Ingress with redirects; set it to false, or give the certificate to the Ingress (ingress.tls) and set proxy.https.enabled to false
{{- end }}
{{- if and (has $type (list "letsencrypt" "cert-manager")) (not $https.hosts) }}
proxy.https.hosts: is empty, and a certificate is for names; list the names by which users reach the hub
{{- end }}
{{- range $index, $host := $https.hosts }}
{{- if not (regexMatch "^(\\*\\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]([a-z0-9-]*[a-z0-9])?$" $host) }}
proxy.https.hosts[{{ $index }}]: {{ $host }} is no host name in lower case with a dot in it; write it like hub.example.org
{{- else if and (hasPrefix "*" $host) (eq $type "letsencrypt") }}
proxy.https.hosts[{{ $index }}]: {{ $host }} stands for many names, which an authority checks by DNS alone (DNS-01); use proxy.https.type cert-manager, or name each host
{{- end }}
{{- end }}
{{- include (printf "jupyterhub-ha.validate.https.%s" $type) . }}
{{- if ne $type "manual" }}
{{- range $part := list "key" "cert" }}
{{- if get $https.manual $part }}
proxy.https.manual.{{ $part }}: is not used, since proxy.https.type is {{ $type }}; remove it, or set the type to manual
{{- end }}
{{- end }}
{{- end }}
{{- if and (ne $type "letsencrypt") (or $https.letsencrypt.externalAccountBinding.keyId $https.letsencrypt.externalAccountBinding.hmacKey) }}
proxy.https.letsencrypt.externalAccountBinding: is not used, since proxy.https.type is {{ $type }}; remove it, with cert-manager it belongs into the Issuer
{{- end }}
{{- if and (ne $type "secret") $https.secret.name }}
proxy.https.secret.name: is not used, since proxy.https.type is {{ $type }}; remove it, or set the type to secret
{{- end }}
{{- end }}
{{- $hsts := $proxy.traefik.hsts }}
{{- if and $hsts.preload (or (not $hsts.includeSubdomains) (lt (int64 $hsts.maxAge) 31536000)) }}
proxy.traefik.hsts.preload: browsers' lists take only hosts that promise a year for all hosts below; set includeSubdomains to true and maxAge to 31536000, or preload to false
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.https.letsencrypt" -}}
{{- $https := .Values.proxy.https -}}
{{- if not (regexMatch "^[^@\\s]+@[^@\\s]+$" ($https.letsencrypt.contactEmail | default "")) }}
proxy.https.letsencrypt.contactEmail: {{ ternary "is no mail address" "is missing" (not (empty $https.letsencrypt.contactEmail)) }}; give one at which somebody reads what the authority writes
{{- end }}
{{- if .Values.proxy.service.disableHttpPort }}
proxy.service.disableHttpPort: the authority asks at port 80 whether the host is yours; set it to false, or use proxy.https.type cert-manager with DNS-01
{{- end }}
{{- $binding := $https.letsencrypt.externalAccountBinding }}
{{- $place := "proxy.https.letsencrypt.externalAccountBinding" }}
{{- if and $binding.keyId (not $binding.hmacKey) }}
{{ $place }}.hmacKey: is empty, and keyId names an account at the authority; give its MAC key, or remove keyId
{{- else if and $binding.hmacKey (not $binding.keyId) }}
{{ $place }}.keyId: is empty, and hmacKey is the key of an account at the authority; name the account, or remove hmacKey
{{- else if and $binding.hmacKey (or (not (regexMatch "^[A-Za-z0-9_-]+$" $binding.hmacKey)) (eq (mod (len $binding.hmacKey) 4) 1)) }}
{{- /* Without the value: it is secret. */}}
{{ $place }}.hmacKey: is no base64url without padding; remove = at its end, and write - for + and _ for /
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.https.manual" -}}
{{- range $part := list "key" "cert" }}
{{- if not (contains "-----BEGIN" (get $.Values.proxy.https.manual $part | default "")) }}
proxy.https.manual.{{ $part }}: is no PEM text; give the {{ ternary "private key" "certificate with its chain" (eq $part "key") }}, which begins with -----BEGIN
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.https.secret" -}}
{{- if not .Values.proxy.https.secret.name }}
proxy.https.secret.name: is empty; name the Secret that holds certificate and key
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.https.cert-manager" -}}
{{- if not .Values.proxy.https.certManager.issuerRef.name }}
proxy.https.certManager.issuerRef.name: is empty; name an Issuer, or with kind ClusterIssuer one of the cluster
{{- end }}
{{- end }}

{{- /* What the pod that publishes certificates needs to reach etcd. */}}
{{- define "jupyterhub-ha.validate.https-etcd" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- if include "jupyterhub-ha.https.published" . }}
{{- if $etcd.enabled }}
{{- if ne $etcd.auth.certificatesUsername "certificates" }}
proxy.etcd.auth.certificatesUsername: the chart's own etcd knows this user as certificates; remove it
{{- end }}
{{- include "jupyterhub-ha.validate.password" (list "proxy.etcd.auth.certificatesPassword" $etcd.auth.certificatesPassword) }}
{{- else if and (hasPrefix "https:" (first $etcd.endpoints | default "")) (not $etcd.existingSecret.certificates) }}
proxy.etcd.existingSecret.certificates: is empty, and certificates are published in etcd; name a Secret with ca.crt, tls.crt, tls.key and password
{{- end }}
{{- end }}
{{- end }}
