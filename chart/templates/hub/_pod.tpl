{{- /* The hub's pod: everything but what hub.extraPodSpec adds. */}}
{{- define "jupyterhub-ha.hub.podSpec" -}}
{{- $hub := .Values.hub -}}
{{- if .Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" . }}
{{- end }}
{{- with $hub.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreTolerations" (list . $hub.tolerations) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list . dict) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
serviceAccountName: {{ include "jupyterhub-ha.hub-serviceaccount.fullname" . }}
{{- with $hub.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . $hub.image) }}
imagePullSecrets: {{ . }}
{{- end }}
{{- if eq .Values.proxy.kind "in-process" }}
# The proxy asks the hub beside it, and not by way of a Service that may not lead back to its caller.
hostAliases:
  - ip: 127.0.0.1
    hostnames: [{{ include "jupyterhub-ha.hub.fullname" . }}]
{{- end }}
volumes:
  {{- include "jupyterhub-ha.hub.volumes" . | nindent 2 }}
{{- with $hub.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: hub
    image: {{ include "jupyterhub-ha.image" (list . $hub.image) }}
    {{- with $hub.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    {{- with $hub.command }}
    command:
      {{- range . }}
      - {{ tpl . $ | quote }}
      {{- end }}
    {{- end }}
    args:
      {{- include "jupyterhub-ha.hub.args" . | nindent 6 }}
    env:
      {{- include "jupyterhub-ha.hub.env" . | nindent 6 }}
    ports:
      - name: http
        containerPort: 8081
      {{- if eq .Values.proxy.kind "in-process" }}
      - name: public
        containerPort: 8000
      {{- end }}
    volumeMounts:
      {{- include "jupyterhub-ha.hub.volumeMounts" . | nindent 6 }}
    {{- with $hub.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $hub.containerSecurityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $hub.lifecycle }}
    lifecycle:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- range $name := list "livenessProbe" "readinessProbe" }}
    {{- $probe := get $hub $name }}
    {{- if $probe.enabled }}
    {{ $name }}:
      {{- include "jupyterhub-ha.probe" $probe | nindent 6 }}
      httpGet:
        path: {{ trimSuffix "/" $hub.baseUrl }}/hub/health
        port: http
    {{- end }}
    {{- end }}
  {{- with $hub.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* The hub's command line; hub.args replaces all of it. */}}
{{- define "jupyterhub-ha.hub.args" -}}
{{- if .Values.hub.args }}
{{- range .Values.hub.args }}
- {{ tpl . $ | quote }}
{{- end }}
{{- else }}
- jupyterhub
- --config
- /usr/local/etc/jupyterhub/jupyterhub_config.py
{{- if .Values.debug.enabled }}
- --debug
{{- end }}
{{- /* Who runs a database of one's own decides about its upgrades. */}}
{{- $upgrade := .Values.hub.db.upgrade }}
{{- if kindIs "invalid" $upgrade }}
{{- $upgrade = eq .Values.hub.db.type "sqlite-pvc" }}
{{- end }}
{{- if $upgrade }}
- --upgrade-db
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.hub.env" -}}
  {{- include "jupyterhub-ha.env" (list (include "jupyterhub-ha.hub.defaultEnv" .) .Values.hub.extraEnv) }}
{{- end }}

{{- define "jupyterhub-ha.hub.defaultEnv" -}}
- name: PYTHONUNBUFFERED
  value: "1"
- name: HELM_RELEASE_NAME
  value: {{ .Release.Name | quote }}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if eq .Values.proxy.kind "chp" }}
- name: CONFIGPROXY_AUTH_TOKEN
  valueFrom:
    secretKeyRef:
      {{- /* Of the chart's own Secret also with hub.existingSecret: the proxy's pod reads it there. */}}
      name: {{ include "jupyterhub-ha.hub.fullname" . }}
      key: hub.config.ConfigurableHTTPProxy.auth_token
{{- end }}
{{- if eq .Values.proxy.kind "traefik-etcd" }}
{{- /* Nodes and load balancers may put an address of theirs in place of the client's, another one for
       each replica that a request goes to. JupyterHub makes the XSRF token of its login page from
       that address, and a login by way of another replica would end with 403. With these it takes
       the range instead of the address. */}}
- name: JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS
  value: {{ include "jupyterhub-ha.hub.anonymousRanges" . }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.hub.anonymousRanges" -}}
10.0.0.0/8;172.16.0.0/12;192.168.0.0/16;100.64.0.0/10;fc00::/7
{{- end }}
