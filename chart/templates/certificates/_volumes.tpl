{{- /* What is mounted in the pod that publishes the certificate. */}}

{{- define "jupyterhub-ha.certificates.volumeMounts" -}}
- name: package
  mountPath: /usr/local/etc/jupyterhub/jupyterhub_ha
  readOnly: true
{{- if include "jupyterhub-ha.proxy-etcd-certificates.fullname" . }}
- name: etcd
  mountPath: /etc/etcd
  readOnly: true
{{- end }}
{{- if include "jupyterhub-ha.https.acme" . }}
- name: lego
  mountPath: /opt/lego
  readOnly: true
- name: work
  mountPath: /tmp
{{- if .Values.proxy.https.letsencrypt.caCertificates }}
- name: authority
  mountPath: /etc/certificates
  readOnly: true
{{- end }}
{{- else }}
# As a folder: of a single file the kubelet would not show the changes.
- name: certificate
  mountPath: /etc/certificates
  readOnly: true
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.certificates.volumes" -}}
{{- $https := .Values.proxy.https -}}
{{ include "jupyterhub-ha.hub.packageVolume" . }}
{{- with include "jupyterhub-ha.proxy-etcd-certificates.fullname" . }}
- name: etcd
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- if include "jupyterhub-ha.https.acme" . }}
- name: lego
  emptyDir: {}
# lego's files, while it runs.
- name: work
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- if $https.letsencrypt.caCertificates }}
- name: authority
  configMap:
    name: {{ include "jupyterhub-ha.proxy-certificates.fullname" . }}
{{- end }}
{{- else }}
- name: certificate
  secret:
    secretName: {{ include "jupyterhub-ha.https.secret" . }}
    defaultMode: 0440
    # cert-manager makes it when it has the first certificate.
    optional: {{ eq $https.type "cert-manager" }}
    items:
      - {key: {{ ternary $https.secret.crt "tls.crt" (eq $https.type "secret") | quote }}, path: tls.crt}
      - {key: {{ ternary $https.secret.key "tls.key" (eq $https.type "secret") | quote }}, path: tls.key}
{{- end }}
{{- end }}
