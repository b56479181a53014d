{{- /*
  The pod of a member of etcd.
*/}}

{{- /* The members as etcd writes them: name=peer URL,... */}}
{{- define "jupyterhub-ha.etcd.members" -}}
{{- $name := include "jupyterhub-ha.proxy-etcd.fullname" . -}}
{{- $members := list -}}
{{- range $i := until (int .Values.proxy.etcd.replicas) -}}
  {{- $members = append $members (printf "%s-%d=https://%s-%d.%s:2380" $name $i $name $i $name) -}}
{{- end -}}
{{- join "," $members -}}
{{- end }}

{{- /*
  The environment variable with them. From a ConfigMap, so that another number of members changes no
  pod of those that are there.
*/}}
{{- define "jupyterhub-ha.etcd.membersEnv" -}}
- name: JUPYTERHUB_HA_ETCD_MEMBERS
  valueFrom:
    configMapKeyRef:
      name: {{ include "jupyterhub-ha.proxy-etcd.fullname" . }}
      key: members
{{- end }}

{{- /*
  etcd's options, as a YAML list in a fixed order: one dict, proxy.etcd.extraArgs merged over it.
  What becomes of a member is not in it: the init container finds out.
*/}}
{{- define "jupyterhub-ha.etcd.args" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- $name := include "jupyterhub-ha.proxy-etcd.fullname" . -}}
{{- $tls := "/etc/etcd/tls" -}}
{{- $options := dict
  "name" "$(POD_NAME)"
  "data-dir" "/var/lib/etcd/data"
  "listen-client-urls" "https://0.0.0.0:2379"
  "listen-peer-urls" "https://0.0.0.0:2380"
  "listen-metrics-urls" "http://0.0.0.0:2381"
  "advertise-client-urls" (printf "https://$(POD_NAME).%s:2379" $name)
  "initial-advertise-peer-urls" (printf "https://$(POD_NAME).%s:2380" $name)
  "initial-cluster-token" (printf "%s/%s" .Release.Namespace $name)
  "client-cert-auth" "true"
  "trusted-ca-file" (printf "%s/ca.crt" $tls)
  "cert-file" (printf "%s/tls.crt" $tls)
  "key-file" (printf "%s/tls.key" $tls)
  "peer-client-cert-auth" "true"
  "peer-trusted-ca-file" (printf "%s/ca.crt" $tls)
  "peer-cert-file" (printf "%s/tls.crt" $tls)
  "peer-key-file" (printf "%s/tls.key" $tls)
  "tls-min-version" "TLS1.2"
  "auto-compaction-mode" $etcd.autoCompaction.mode
  "auto-compaction-retention" (toString $etcd.autoCompaction.retention)
  "quota-backend-bytes" (int64 $etcd.quotaBackendBytes | toString)
  "max-txn-ops" (int $etcd.maxTxnOps | toString)
  "snapshot-count" (int $etcd.snapshotCount | toString)
  "heartbeat-interval" (int $etcd.heartbeatIntervalMilliseconds | toString)
  "election-timeout" (int $etcd.electionTimeoutMilliseconds | toString)
  "strict-reconfig-check" "true"
  "log-level" (ternary "debug" $etcd.logLevel .Values.debug.enabled)
-}}
{{- /* A peer must be a member: the same CA signs the clients, too. The member's address is not
       compared with the name's, whose DNS record may lag behind a pod that has just moved. */ -}}
{{- $_ := set $options "peer-cert-allowed-hostname" $name -}}
{{- $_ := set $options "peer-skip-client-san-verification" "true" -}}
{{- range $key, $value := mergeOverwrite $options ($etcd.extraArgs | default dict) -}}
- {{ printf "--%s=%s" $key (toString $value) | quote }}
{{ end -}}
{{- end }}

{{- define "jupyterhub-ha.etcd.podSpec" -}}
{{- $etcd := .Values.proxy.etcd -}}
serviceAccountName: {{ include "jupyterhub-ha.proxy-etcd-serviceaccount.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 60
{{- if .Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "jupyterhub-ha.priority.fullname" . }}
{{- end }}
{{- with $etcd.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreTolerations" (list . $etcd.tolerations) }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.coreAffinity" (list . $etcd.affinity) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "jupyterhub-ha.topologySpread" (list . "proxy-etcd" $etcd.topologySpreadConstraints) }}
topologySpreadConstraints:
  {{- . | nindent 2 }}
{{- end }}
{{- $pull := dict "pullSecrets" (concat ($etcd.image.pullSecrets | default list) (.Values.hub.image.pullSecrets | default list)) }}
{{- with include "jupyterhub-ha.imagePullSecrets" (list . $pull) }}
imagePullSecrets: {{ . }}
{{- end }}
{{- with $etcd.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
initContainers:
  - {{- include "jupyterhub-ha.etcd.memberContainer" . | nindent 4 }}
containers:
  - name: etcd
    image: {{ include "jupyterhub-ha.image" (list . $etcd.image) | quote }}
    {{- with $etcd.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    command: [/usr/local/bin/etcd]
    args: [--config-file=/run/etcd/etcd.json]
    {{- with include "jupyterhub-ha.extraEnv" $etcd.extraEnv }}
    env:
      {{- . | nindent 6 }}
    {{- end }}
    ports:
      - name: client
        containerPort: 2379
      - name: peer
        containerPort: 2380
      - name: health
        containerPort: 2381
    {{- /* Alive: this member answers; not having a leader is no reason to restart it. Ready: it has
           one, so a rolling update goes on only when the cluster is whole again. */}}
    {{- range $probe, $path := dict "startupProbe" "/livez" "readinessProbe" "/readyz" "livenessProbe" "/livez" }}
    {{- $value := index $etcd $probe }}
    {{- if $value.enabled }}
    {{ $probe }}:
      httpGet:
        path: {{ $path }}
        port: health
      {{- include "jupyterhub-ha.probe" $value | nindent 6 }}
    {{- end }}
    {{- end }}
    {{- with $etcd.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $etcd.containerSecurityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - name: data
        mountPath: /var/lib/etcd
      - name: tls
        mountPath: /etc/etcd/tls
        readOnly: true
      - name: config
        mountPath: /run/etcd
        readOnly: true
volumes:
  - name: config
    emptyDir: {}
  {{- include "jupyterhub-ha.hub.packageVolume" . | nindent 2 }}
  - name: tls
    secret:
      secretName: {{ include "jupyterhub-ha.proxy-etcd-server.fullname" . }}
      defaultMode: 0440
  - name: root
    secret:
      secretName: {{ include "jupyterhub-ha.proxy-etcd-root.fullname" . }}
      defaultMode: 0440
      items:
        - {key: ca.crt, path: ca.crt}
        - {key: tls.crt, path: tls.crt}
        - {key: tls.key, path: tls.key}
  {{- if eq $etcd.storage.type "memory" }}
  - name: data
    emptyDir:
      medium: Memory
      sizeLimit: {{ $etcd.storage.size }}
  {{- end }}
{{- end }}

{{- /*
  Finds out, in the hub's image, whether this member begins a new cluster or joins the one that
  exists, and writes etcd's configuration file: etcd's own image has no shell.
*/}}
{{- define "jupyterhub-ha.etcd.memberContainer" -}}
{{- $etcd := .Values.proxy.etcd -}}
name: member
image: {{ include "jupyterhub-ha.image" (list . .Values.hub.image) | quote }}
{{- with .Values.hub.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
command: [python3, -m, jupyterhub_ha.etcd_member]
args:
  - --config-file=/run/etcd/etcd.json
  - --ca-file=/etc/etcd/root/ca.crt
  - --cert-file=/etc/etcd/root/tls.crt
  - --key-file=/etc/etcd/root/tls.key
  - --
  {{- include "jupyterhub-ha.etcd.args" . | trim | nindent 2 }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  {{- include "jupyterhub-ha.etcd.membersEnv" . | nindent 2 }}
  - name: JUPYTERHUB_HA_ETCD_ROOT_PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ include "jupyterhub-ha.proxy-etcd-root.fullname" . }}
        key: password
  - name: PYTHONPATH
    value: /usr/local/etc/jupyterhub
  - name: PYTHONDONTWRITEBYTECODE
    value: "1"
{{- with $etcd.setup.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $etcd.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: package
    mountPath: /usr/local/etc/jupyterhub/jupyterhub_ha
    readOnly: true
  - name: data
    mountPath: /var/lib/etcd
    readOnly: true
  - name: tls
    mountPath: /etc/etcd/tls
    readOnly: true
  - name: root
    mountPath: /etc/etcd/root
    readOnly: true
  - name: config
    mountPath: /run/etcd
{{- end }}
