{{- /*
  The pod of the service for shared notebooks. What it reads comes from strangers, so it has no right
  but to ask the hub who somebody is.
*/}}

{{- define "jupyterhub-ha.share.enabled" -}}
  {{- if and .Values.hub.enabled .Values.tmpnb.enabled .Values.tmpnb.share.enabled }}true{{ end }}
{{- end }}

{{- define "jupyterhub-ha.share.image" -}}
  {{- $image := deepCopy .Values.singleuser.image }}
  {{- range $key, $value := .Values.tmpnb.share.image }}
    {{- if $value }}{{ $_ := set $image $key $value }}{{ end }}
  {{- end }}
  {{- toJson $image }}
{{- end }}

{{- define "jupyterhub-ha.share.args" -}}
{{- $share := .Values.tmpnb.share -}}
{{- $s3 := $share.storage.s3 -}}
{{- if eq $share.storage.type "s3" }}
- --storage=s3://{{ $s3.bucket }}/{{ $s3.prefix }}
- --s3-endpoint={{ $s3.endpoint }}
- --s3-region={{ $s3.region }}
{{- else }}
- --storage=/var/lib/share
{{- end }}
- --port=8080
- --max-size={{ $share.maxSize }}
- --total-size={{ $share.totalSize }}
- --per-visitor={{ $share.perVisitor }}
- --days={{ $share.expireDays }}
- --render-seconds={{ $share.render.seconds }}
- --render-memory={{ $share.render.memory }}
{{- end }}

{{- /* The port of the store of objects: that in its URL, or the scheme's. */}}
{{- define "jupyterhub-ha.share.s3Port" -}}
  {{- $endpoint := .Values.tmpnb.share.storage.s3.endpoint | default "" -}}
  {{- regexFind ":[0-9]+$" $endpoint | trimPrefix ":" | default (hasPrefix "https:" $endpoint | ternary "443" "80") }}
{{- end }}

{{- define "jupyterhub-ha.share.env" -}}
- name: JUPYTERHUB_API_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ include "jupyterhub-ha.hub.fullname" . }}
      key: hub.services.share.apiToken
{{- $storage := .Values.tmpnb.share.storage }}
{{- if eq $storage.type "s3" }}
{{- range $key := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ $key }}
  valueFrom:
    secretKeyRef:
      name: {{ $storage.s3.existingSecret | quote }}
      key: {{ $key }}
{{- end }}
{{- end }}
- name: JUPYTERHUB_API_URL
  value: http://{{ include "jupyterhub-ha.hub.fullname" . }}:8081{{ include "jupyterhub-ha.share.base" . }}hub/api
- name: JUPYTERHUB_BASE_URL
  value: {{ include "jupyterhub-ha.share.base" . }}
- name: JUPYTERHUB_SERVICE_PREFIX
  value: {{ include "jupyterhub-ha.share.base" . }}services/share/
{{- if eq .Values.proxy.kind "traefik-etcd" }}
# As in the hub's pod, and for the same reason.
- name: JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS
  value: {{ include "jupyterhub-ha.hub.anonymousRanges" . }}
{{- end }}
- name: PYTHONPATH
  value: /usr/local/lib/share
- name: PYTHONDONTWRITEBYTECODE
  value: "1"
- name: PYTHONUNBUFFERED
  value: "1"
{{- end }}

{{- /* The hub's base URL, with a slash at its end. */}}
{{- define "jupyterhub-ha.share.base" -}}
  {{- trimSuffix "/" .Values.hub.baseUrl }}/
{{- end }}

{{- define "jupyterhub-ha.share.podSpec" -}}
{{- $share := .Values.tmpnb.share -}}
{{- $image := include "jupyterhub-ha.share.image" . | fromJson -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- if .Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" . }}
{{- end }}
{{- with $share.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreTolerations" (list . $share.tolerations) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list . dict) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . $image) }}
imagePullSecrets: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: share
    image: {{ include "jupyterhub-ha.image" (list . $image) | quote }}
    {{- with $image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command: [python3, -m, jupyterhub_ha_share]
    args:
      {{- include "jupyterhub-ha.share.args" . | nindent 6 }}
    env:
      {{- include "jupyterhub-ha.share.env" . | nindent 6 }}
    ports:
      - name: http
        containerPort: 8080
    {{- range $probe := list "readinessProbe" "livenessProbe" }}
    {{ $probe }}:
      httpGet:
        path: {{ include "jupyterhub-ha.share.base" $ }}services/share/health
        port: http
      {{- /* Pages are made beside it, and may take the CPU for a while. */}}
      timeoutSeconds: 5
      failureThreshold: {{ ternary 3 12 (eq $probe "readinessProbe") }}
    {{- end }}
    {{- with $share.resources }}
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
        mountPath: /usr/local/lib/share/jupyterhub_ha_share
        readOnly: true
      {{- if eq $share.storage.type "volume" }}
      - name: shared
        mountPath: /var/lib/share
      {{- end }}
      - name: tmp
        mountPath: /tmp
volumes:
  - name: package
    configMap:
      name: {{ include "jupyterhub-ha.share-package.fullname" . }}
  {{- if eq $share.storage.type "volume" }}
  - name: shared
    persistentVolumeClaim:
      claimName: {{ include "jupyterhub-ha.share-pvc.fullname" . }}
  {{- end }}
  - name: tmp
    emptyDir:
      medium: Memory
      sizeLimit: 16Mi
{{- end }}
