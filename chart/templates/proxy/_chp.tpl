{{- /*
  The pod of configurable-http-proxy.
*/}}

{{- define "jupyterhub-ha.chp.podSpec" -}}
{{- $root := . -}}
{{- $chp := .Values.proxy.chp -}}
{{- $hub := printf "http://%s:8081" (include "jupyterhub-ha.hub.fullname" .) -}}
# Spelled out: left out, Kubernetes would keep the account of the Traefik pods that were here before.
serviceAccountName: default
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 60
{{- if .Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" . }}
{{- end }}
{{- with $chp.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreTolerations" (list . $chp.tolerations) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list . dict) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . $chp.image) }}
imagePullSecrets: {{ . }}
{{- end }}
containers:
  - name: chp
    image: {{ include "jupyterhub-ha.image" (list . $chp.image) | quote }}
    {{- with $chp.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command:
      {{- toYaml $chp.command | nindent 6 }}
    args:
      - "--ip="
      - "--api-ip="
      - --port=8000
      - --api-port=8001
      - --default-target={{ $chp.defaultTarget | default $hub }}
      - --error-target={{ $chp.errorTarget | default (printf "%s/hub/error" $hub) }}
      {{- if .Values.debug.enabled }}
      - --log-level=debug
      {{- end }}
      {{- if .Values.hub.config | default dict | dig "JupyterHub" "subdomain_host" "" }}
      - --host-routing
      {{- end }}
      {{- range $chp.extraCommandLineFlags }}
      - {{ tpl . $root | quote }}
      {{- end }}
    env:
      - name: CONFIGPROXY_AUTH_TOKEN
        valueFrom:
          secretKeyRef:
            name: {{ include "jupyterhub-ha.hub.fullname" . }}
            key: hub.config.ConfigurableHTTPProxy.auth_token
      {{- with include "jupyterhub-ha.extraEnv" $chp.extraEnv }}
      {{- . | nindent 6 }}
      {{- end }}
    ports:
      - name: http
        containerPort: 8000
      - name: api
        containerPort: 8001
    {{- range $probe := list "livenessProbe" "readinessProbe" }}
    {{- $value := index $chp $probe }}
    {{- if $value.enabled }}
    {{ $probe }}:
      httpGet:
        path: /_chp_healthz
        port: http
      {{- include "jupyterhub-ha.probe" $value | nindent 6 }}
    {{- end }}
    {{- end }}
    {{- with $chp.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $chp.containerSecurityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
