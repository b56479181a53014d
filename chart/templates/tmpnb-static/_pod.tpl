{{- /*
  The pod that serves the static files of all visitors' pages: an init container in their image copies
  and compresses them, nginx serves the copies.
*/}}

{{- /* "true" where there are such pods, else nothing. */}}
{{- define "jupyterhub-ha.tmpnb-static.enabled" -}}
  {{- if and .Values.tmpnb.enabled .Values.tmpnb.static.enabled }}true{{ end }}
{{- end }}

{{- define "jupyterhub-ha.tmpnb-static.port" -}}8080{{- end }}

{{- /* JSON: what dynamic.toml has for them, to merge over the rest. */}}
{{- define "jupyterhub-ha.tmpnb-static.dynamic" -}}
  {{- $base := regexQuoteMeta .Values.hub.baseUrl }}
  {{- $secure := include "jupyterhub-ha.https.published" . }}
  {{- $header := "X-Jupyterhub-Static" }}
  {{- $path := printf "PathRegexp(`^%suser/[^/]+/(static|lab/extensions)/(.*[./])?[0-9a-f]{16,}[.][0-9a-z]+$`)" $base }}
  {{- /* Below the redirect to HTTPS, above all routes. */}}
  {{- $router := dict
    "entryPoints" (include "jupyterhub-ha.https.entryPoints" . | fromJsonArray)
    "rule" (printf "%s && !Header(`%s`, `server`) && (Method(`GET`) || Method(`HEAD`))" $path $header)
    "priority" 500000
    "middlewares" (list "tmpnb-static")
    "service" "tmpnb-static"
  }}
  {{- $files := dict
    "servers" (list (dict "url" (printf "http://%s:%s" (include "jupyterhub-ha.tmpnb-static.fullname" .) (include "jupyterhub-ha.tmpnb-static.port" .))))
    "serversTransport" "tmpnb-static"
    "healthCheck" (dict "path" "/healthz" "interval" "5s" "timeout" "2s")
  }}
  {{- /* What the pods do not have, or all of it when they are away, comes from the user's own server:
         Traefik asks itself, with a header that leads past this router. Bodies would have to be kept
         for the second attempt, so a request with one is refused. */}}
  {{- $failover := dict
    "service" "tmpnb-static-files" "fallback" "tmpnb-static-server"
    "errors" (dict "status" (list "404" "500-504") "maxRequestBodyBytes" 0)
  }}
  {{- $self := dict "servers" (list (dict "url" (ternary "https://127.0.0.1:8443" "http://127.0.0.1:8000" (eq $secure "true")))) }}
  {{- $transports := dict "tmpnb-static" (dict "forwardingTimeouts" (dict "dialTimeout" "1s" "responseHeaderTimeout" "5s" "idleConnTimeout" "90s")) }}
  {{- if $secure }}
    {{- $_ := set $self "serversTransport" "tmpnb-static-server" }}
    {{- /* It is this very process. */}}
    {{- $_ := set $transports "tmpnb-static-server" (dict "insecureSkipVerify" true) }}
  {{- end }}
  {{- toJson (dict "http" (dict
    "routers" (dict "tmpnb-static" $router)
    "middlewares" (dict "tmpnb-static" (dict "headers" (dict "customRequestHeaders" (dict $header "server"))))
    "serversTransports" $transports
    "services" (dict
      "tmpnb-static" (dict "failover" $failover)
      "tmpnb-static-files" (dict "loadBalancer" $files)
      "tmpnb-static-server" (dict "loadBalancer" $self)))) }}
{{- end }}

{{- define "jupyterhub-ha.tmpnb-static.security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "jupyterhub-ha.tmpnb-static.podSpec" -}}
{{- $part := .Values.tmpnb.static -}}
{{- $image := .Values.singleuser.image -}}
{{- $pullSecrets := concat ($part.image.pullSecrets | default list) ($image.pullSecrets | default list) -}}
automountServiceAccountToken: false
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
{{- with include "jupyterhub-ha.coreAffinity" (list . $part.affinity) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.topologySpread" (list . "tmpnb-static" $part.topologySpreadConstraints) }}
topologySpreadConstraints:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . (dict "pullSecrets" $pullSecrets)) }}
imagePullSecrets: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
initContainers:
  - name: collect
    image: {{ include "jupyterhub-ha.image" (list . $image) | quote }}
    {{- with $image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command: [python3, /etc/static/collect_static.py, /srv/static]
    env:
      # Jupyter asks for a home folder, and may write there.
      - name: HOME
        value: /tmp
      - name: PYTHONDONTWRITEBYTECODE
        value: "1"
    {{- with $part.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- include "jupyterhub-ha.tmpnb-static.security" . | nindent 4 }}
    volumeMounts:
      - {name: config, mountPath: /etc/static, readOnly: true}
      - {name: files, mountPath: /srv/static}
      - {name: tmp, mountPath: /tmp}
containers:
  - name: nginx
    image: {{ include "jupyterhub-ha.image" (list . $part.image) | quote }}
    {{- with $part.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command: [nginx, -c, /etc/static/static.conf, -e, stderr, -g, daemon off;]
    ports:
      - name: http
        containerPort: {{ include "jupyterhub-ha.tmpnb-static.port" . }}
    readinessProbe:
      httpGet: {path: /healthz, port: http}
      periodSeconds: 2
      timeoutSeconds: 3
    livenessProbe:
      tcpSocket: {port: http}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    lifecycle:
      # Until nobody sends it requests any more; the image's own signal then lets open ones finish.
      preStop:
        exec:
          command: [sleep, "5"]
    {{- with $part.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- include "jupyterhub-ha.tmpnb-static.security" . | nindent 4 }}
    volumeMounts:
      - {name: config, mountPath: /etc/static, readOnly: true}
      - {name: files, mountPath: /srv/static, readOnly: true}
      - {name: tmp, mountPath: /tmp}
volumes:
  - name: config
    configMap:
      name: {{ include "jupyterhub-ha.tmpnb-static.fullname" . }}
  - name: files
    emptyDir: {}
  - name: tmp
    emptyDir: {}
{{- end }}
