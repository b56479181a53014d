{{- /*
  The pod of a Traefik replica.
*/}}

{{- define "jupyterhub-ha.proxy.hubPassword" -}}
  {{- include "jupyterhub-ha.secret" (dict
    "root" . "secret" (include "jupyterhub-ha.proxy-api-users.fullname" .) "key" "hub-password"
    "given" .Values.proxy.traefik.api.password "draw" "password") }}
{{- end }}

{{- define "jupyterhub-ha.proxy.dashboardPassword" -}}
  {{- include "jupyterhub-ha.secret" (dict
    "root" . "secret" (include "jupyterhub-ha.proxy-api-users.fullname" .) "key" "dashboard-password"
    "given" .Values.proxy.traefik.dashboard.password "draw" "password") }}
{{- end }}

{{- /* Everything that Traefik reads only when it starts: a change restarts the pods. */}}
{{- define "jupyterhub-ha.proxy.checksums" -}}
{{- $dashboard := .Values.proxy.traefik.dashboard -}}
{{- $passwords := include "jupyterhub-ha.proxy.hubPassword" . -}}
{{- if and $dashboard.enabled (not $dashboard.existingSecret) -}}
  {{- $passwords = cat $passwords $dashboard.username (include "jupyterhub-ha.proxy.dashboardPassword" .) -}}
{{- end -}}
checksum/static: {{ include "jupyterhub-ha.traefik.static" . | sha256sum | quote }}
checksum/dynamic: {{ include "jupyterhub-ha.traefik.dynamic" . | sha256sum | quote }}
# Few digits, so that it does not help to guess a password.
checksum/users: {{ $passwords | sha256sum | trunc 6 | quote }}
{{- if .Values.proxy.etcd.enabled }}
checksum/certificate: {{ include "jupyterhub-ha.etcd.certificate" (list . "traefik" "crt") | sha256sum | quote }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.proxy.env" -}}
{{- /* The whole table is live memory, and each collection of garbage walks through it: a third of the
       CPU time at 10,000 routes. */}}
- name: GOGC
  value: "400"
{{- with .Values.proxy.traefik.resources }}{{ with .limits }}{{ if .memory }}
{{- /* Collect in time rather than be killed. */}}
- name: GOMEMLIMIT
  valueFrom:
    resourceFieldRef:
      resource: limits.memory
{{- end }}{{ end }}{{ end }}
{{- end }}

{{- define "jupyterhub-ha.proxy.podSpec" -}}
{{- $traefik := .Values.proxy.traefik -}}
{{- $dashboard := $traefik.dashboard -}}
{{- $users := include "jupyterhub-ha.proxy-api-users.fullname" . -}}
serviceAccountName: {{ include "jupyterhub-ha.proxy-serviceaccount.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
# Time to drain, and some to leave.
terminationGracePeriodSeconds: {{ add $traefik.drain.acceptSeconds $traefik.drain.finishSeconds 10 }}
{{- if .Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" . }}
{{- end }}
{{- with $traefik.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $lost := list }}
{{- if not (kindIs "invalid" $traefik.nodeLostSeconds) }}
{{- range list "node.kubernetes.io/not-ready" "node.kubernetes.io/unreachable" }}
{{- $lost = append $lost (dict "key" . "operator" "Exists" "effect" "NoExecute" "tolerationSeconds" $traefik.nodeLostSeconds) }}
{{- end }}{{ end }}
{{- with include "jupyterhub-ha.coreTolerations" (list . (concat $lost ($traefik.tolerations | default list))) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list . $traefik.affinity) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.topologySpread" (list . "proxy" $traefik.topologySpreadConstraints) }}
topologySpreadConstraints:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . $traefik.image) }}
imagePullSecrets: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  # So that Traefik may read files that are not for everybody.
  fsGroup: 65534
  seccompProfile:
    type: RuntimeDefault
{{- with $traefik.extraInitContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: traefik
    image: {{ include "jupyterhub-ha.image" (list . $traefik.image) | quote }}
    {{- with $traefik.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    args:
      - --configFile=/etc/traefik/traefik.toml
    env:
      {{- include "jupyterhub-ha.env" (list (include "jupyterhub-ha.proxy.env" .) $traefik.extraEnv) | nindent 6 }}
    ports:
      - name: http
        containerPort: 8000
      {{- if include "jupyterhub-ha.https.published" . }}
      - name: https
        containerPort: 8443
      {{- end }}
      - name: internal
        containerPort: 8080
      {{- if $dashboard.enabled }}
      - name: dashboard
        containerPort: {{ $dashboard.port }}
      {{- end }}
      {{- with $traefik.extraPorts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- /* Alive: Traefik answers. Ready: it also has the routing table. */}}
    {{- range $probe, $path := dict "startupProbe" $traefik.startupProbe.path "readinessProbe" "/ping" "livenessProbe" "/ping" }}
    {{- $value := index $traefik $probe }}
    {{- if $value.enabled }}
    {{ $probe }}:
      httpGet:
        path: {{ $path }}
        port: internal
      {{- include "jupyterhub-ha.probe" $value | nindent 6 }}
    {{- end }}
    {{- end }}
    {{- with $traefik.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $traefik.containerSecurityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - name: config
        mountPath: /etc/traefik
        readOnly: true
      {{- with $traefik.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    projected:
      defaultMode: 0440
      sources:
        - configMap:
            name: {{ include "jupyterhub-ha.proxy.fullname" . }}
        - secret:
            name: {{ $users }}
            items:
              - {key: hub, path: users/hub}
        {{- if $dashboard.enabled }}
        - secret:
            name: {{ $dashboard.existingSecret | default $users }}
            items:
              - {key: dashboard, path: users/dashboard}
        {{- end }}
        {{- with include "jupyterhub-ha.proxy-etcd-traefik.fullname" . }}
        - secret:
            name: {{ . }}
            items:
              - {key: ca.crt, path: etcd/ca.crt}
              - {key: tls.crt, path: etcd/tls.crt}
              - {key: tls.key, path: etcd/tls.key}
        {{- end }}
  {{- with $traefik.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
