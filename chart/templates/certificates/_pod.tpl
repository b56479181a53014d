{{- /*
  The pod that publishes the certificate. The image is the hub's, with the package mounted, as in the
  hub's pod; lego comes from its own image.
*/}}

{{- define "jupyterhub-ha.certificates.args" -}}
{{- $https := .Values.proxy.https -}}
{{- if include "jupyterhub-ha.https.acme" . }}
{{- range $https.hosts }}
- --host={{ . }}
{{- end }}
- --email={{ $https.letsencrypt.contactEmail }}
- --acme-server={{ $https.letsencrypt.acmeServer }}
{{- with $https.letsencrypt.profile }}
- --profile={{ . }}
{{- end }}
{{- with $https.letsencrypt.externalAccountBinding.keyId }}
- {{ printf "--eab-key-id=%s" . | quote }}
{{- end }}
{{- if $https.letsencrypt.caCertificates }}
- --acme-ca-file=/etc/certificates/ca.crt
{{- end }}
- --lego=/opt/lego/lego
- --challenge-address=:{{ include "jupyterhub-ha.https.challengePort" . }}
- --state-secret={{ include "jupyterhub-ha.proxy-certificates.fullname" . }}
{{- else }}
- --tls-crt=/etc/certificates/tls.crt
- --tls-key=/etc/certificates/tls.key
{{- end }}
{{- if include "jupyterhub-ha.proxy-etcd-certificates.fullname" . }}
- --username={{ .Values.proxy.etcd.auth.certificatesUsername }}
{{- if hasPrefix "https:" (include "jupyterhub-ha.etcd.endpoints" . | fromJsonArray | first | default "") }}
- --ca-file=/etc/etcd/ca.crt
- --cert-file=/etc/etcd/tls.crt
- --key-file=/etc/etcd/tls.key
{{- end }}
- --password-file=/etc/etcd/password
{{- else }}
- --username=
{{- end }}
- --endpoints
{{- range include "jupyterhub-ha.etcd.endpoints" . | fromJsonArray }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{- /* What of the values the pod reads only when it starts. */}}
{{- define "jupyterhub-ha.certificates.checksums" -}}
{{- if .Values.proxy.etcd.enabled -}}
checksum/etcd: {{ cat (include "jupyterhub-ha.etcd.password" (list . "certificates")) (include "jupyterhub-ha.etcd.certificate" (list . "certificates" "crt")) | sha256sum | trunc 6 | quote }}
{{ end -}}
checksum/jupyterhub-ha: {{ (.Files.Glob "files/hub/jupyterhub_ha/*.py").AsConfig | sha256sum | quote }}
{{- with .Values.proxy.https.letsencrypt.caCertificates }}
checksum/authority: {{ sha256sum . | quote }}
{{- end }}
{{- with .Values.proxy.https.letsencrypt.externalAccountBinding.hmacKey }}
checksum/external-account: {{ sha256sum . | trunc 6 | quote }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.certificates.legoContainer" -}}
{{- $image := .Values.proxy.certificates.legoImage -}}
- name: lego
  image: {{ include "jupyterhub-ha.image" (list . $image) | quote }}
  {{- with $image.pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  # A program without libraries: it runs in the other container, too.
  command: [cp, /lego, /opt/lego/lego]
  {{- include "jupyterhub-ha.certificates.security" . | nindent 2 }}
  volumeMounts:
    - name: lego
      mountPath: /opt/lego
{{- end }}

{{- define "jupyterhub-ha.certificates.security" -}}
{{- with .Values.proxy.certificates.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "jupyterhub-ha.certificates.podSpec" -}}
{{- $part := .Values.proxy.certificates -}}
{{- $acme := include "jupyterhub-ha.https.acme" . -}}
{{- $images := .Values.hub.image -}}
{{- if $acme }}
{{- $images = dict "pullSecrets" (concat (.Values.hub.image.pullSecrets | default list) ($part.legoImage.pullSecrets | default list)) }}
{{- end }}
serviceAccountName: {{ ternary (include "jupyterhub-ha.proxy-certificates-serviceaccount.fullname" .) "default" (eq $acme "true") }}
# An authority's account and certificate are kept in a Secret.
automountServiceAccountToken: {{ eq $acme "true" }}
enableServiceLinks: false
{{- if .Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" . }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreTolerations" (list . $part.tolerations) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list . dict) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . $images) }}
imagePullSecrets: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
{{- if $acme }}
initContainers:
  {{- include "jupyterhub-ha.certificates.legoContainer" . | nindent 2 }}
{{- end }}
containers:
  - name: certificates
    image: {{ include "jupyterhub-ha.image" (list . .Values.hub.image) | quote }}
    {{- with .Values.hub.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command: [python3, -m, jupyterhub_ha.certificate_issuer]
    args:
      {{- include "jupyterhub-ha.certificates.args" . | trim | nindent 6 }}
    env:
      {{- include "jupyterhub-ha.env" (list (include "jupyterhub-ha.certificates.env" .) $part.extraEnv) | nindent 6 }}
    {{- if $acme }}
    ports:
      - name: challenge
        containerPort: {{ include "jupyterhub-ha.https.challengePort" . }}
    {{- end }}
    {{- include "jupyterhub-ha.certificates.security" . | nindent 4 }}
    volumeMounts:
      {{- include "jupyterhub-ha.certificates.volumeMounts" . | trim | nindent 6 }}
volumes:
  {{- include "jupyterhub-ha.certificates.volumes" . | trim | nindent 2 }}
{{- end }}

{{- define "jupyterhub-ha.certificates.env" -}}
- name: PYTHONPATH
  value: /usr/local/etc/jupyterhub
- name: PYTHONDONTWRITEBYTECODE
  value: "1"
- name: PYTHONUNBUFFERED
  value: "1"
{{- if and (include "jupyterhub-ha.https.acme" .) .Values.proxy.https.letsencrypt.externalAccountBinding.keyId }}
- name: JUPYTERHUB_HA_ACME_HMAC_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "jupyterhub-ha.proxy-certificates-eab.fullname" . }}
      key: hmac-key
{{- end }}
{{- end }}
