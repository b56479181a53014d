{{- /*
  The pod that sets etcd up: users, roles, first key; with maintenance, it also defragments. The
  image is the hub's, with the package mounted, as in the hub's pod.
*/}}

{{- /* Takes (list <root context> <arguments> <resources>). */}}
{{- define "jupyterhub-ha.etcd.setupPodSpec" -}}
{{- $root := index . 0 -}}
{{- $image := $root.Values.hub.image -}}
{{- $etcd := include "jupyterhub-ha.proxy-etcd.fullname" $root -}}
{{- $secret := include "jupyterhub-ha.proxy-etcd-root.fullname" $root -}}
{{- $tls := "/etc/etcd/tls" -}}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: OnFailure
{{- if $root.Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" $root }}
{{- end }}
{{- with $root.Values.proxy.etcd.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreTolerations" (list $root $root.Values.proxy.etcd.tolerations) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list $root dict) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list $root $image) }}
imagePullSecrets: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: etcd-setup
    image: {{ include "jupyterhub-ha.image" (list $root $image) | quote }}
    {{- with $image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command: [python3, -m, jupyterhub_ha.etcd_setup]
    args:
      - --ca-file={{ $tls }}/ca.crt
      - --cert-file={{ $tls }}/tls.crt
      - --key-file={{ $tls }}/tls.key
      {{- range index . 1 }}
      - {{ . }}
      {{- end }}
      - --endpoints
      {{- range include "jupyterhub-ha.etcd.endpoints" $root | fromJsonArray }}
      - {{ . | quote }}
      {{- end }}
    env:
      {{- include "jupyterhub-ha.etcd.membersEnv" $root | nindent 6 }}
      - name: PYTHONPATH
        value: /usr/local/etc/jupyterhub
      - name: PYTHONDONTWRITEBYTECODE
        value: "1"
      - name: PYTHONUNBUFFERED
        value: "1"
      - name: JUPYTERHUB_HA_ETCD_ROOT_PASSWORD
        valueFrom:
          secretKeyRef:
            name: {{ $secret }}
            key: password
      - name: JUPYTERHUB_HA_ETCD_HUB_PASSWORD
        valueFrom:
          secretKeyRef:
            name: {{ include "jupyterhub-ha.proxy-etcd-hub.fullname" $root }}
            key: password
      {{- if include "jupyterhub-ha.https.published" $root }}
      - name: JUPYTERHUB_HA_ETCD_CERTIFICATES_PASSWORD
        valueFrom:
          secretKeyRef:
            name: {{ include "jupyterhub-ha.proxy-etcd-certificates.fullname" $root }}
            key: password
      {{- end }}
    {{- with index . 2 }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: package
        mountPath: /usr/local/etc/jupyterhub/jupyterhub_ha
        readOnly: true
      - name: tls
        mountPath: {{ $tls }}
        readOnly: true
volumes:
  {{- include "jupyterhub-ha.hub.packageVolume" $root | nindent 2 }}
  - name: tls
    secret:
      secretName: {{ $secret }}
      defaultMode: 0440
      items:
        - {key: ca.crt, path: ca.crt}
        - {key: tls.crt, path: tls.crt}
        - {key: tls.key, path: tls.key}
{{- end }}

{{- /* The Job's spec. */}}
{{- define "jupyterhub-ha.etcd.setupJob" -}}
{{- $setup := .Values.proxy.etcd.setup -}}
# Until etcd is there, a pod after the other.
backoffLimit: 30
activeDeadlineSeconds: {{ $setup.activeDeadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "jupyterhub-ha.podLabels" (list . "proxy-etcd-setup") | nindent 6 }}
    annotations:
      # New passwords or another CA: set up again.
      {{- $secrets := cat (include "jupyterhub-ha.etcd.password" (list . "root")) (include "jupyterhub-ha.etcd.password" (list . "hub")) (include "jupyterhub-ha.etcd.certificate" (list . "ca" "crt")) }}
      {{- if include "jupyterhub-ha.https.published" . }}
      {{- $secrets = cat $secrets (include "jupyterhub-ha.etcd.password" (list . "certificates")) }}
      {{- end }}
      checksum/secrets: {{ $secrets | sha256sum | trunc 6 | quote }}
  spec:
    {{- include "jupyterhub-ha.etcd.setupPodSpec" (list . list $setup.resources) | nindent 4 }}
{{- end }}
