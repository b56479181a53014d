{{- /*
  The values with which a release of Zero to JupyterHub uses this release's proxy, as YAML. Takes the
  root context.
*/}}
{{- define "jupyterhub-ha.z2jh.values" -}}
# For the release of Zero to JupyterHub whose hub uses the proxy of the release {{ .Release.Name }} in
# the namespace {{ .Release.Namespace }}.
hub:
  annotations:
    # The hub reads its package when it starts: another one restarts it.
    checksum/jupyterhub-ha: {{ (.Files.Glob "files/hub/jupyterhub_ha/*.py").AsConfig | sha256sum | quote }}
  extraConfig:
    jupyterhub-ha: |
      {{- include "jupyterhub-ha.z2jh.config" . | nindent 6 }}
  extraEnv:
    {{- include "jupyterhub-ha.z2jh.env" . | nindent 4 }}
  extraVolumes:
    {{- include "jupyterhub-ha.z2jh.volumes" . | nindent 4 }}
  extraVolumeMounts:
    - name: jupyterhub-ha
      mountPath: {{ include "jupyterhub-ha.z2jh.folder" . }}/jupyterhub_ha
      readOnly: true
    {{- if include "jupyterhub-ha.z2jh.certificates" . }}
    - name: jupyterhub-ha-identity
      mountPath: {{ include "jupyterhub-ha.z2jh.folder" . }}/etcd
      readOnly: true
    {{- end }}
  networkPolicy:
    {{- include "jupyterhub-ha.z2jh.networkPolicy" (list . "http" true) | trim | nindent 4 }}
{{- if include "jupyterhub-ha.hub.elsewhere" . }}
singleuser:
  networkPolicy:
    {{- include "jupyterhub-ha.z2jh.networkPolicy" (list . "notebook-port" false) | trim | nindent 4 }}
{{- end }}
{{- end }}

{{- /* Where the hub's pod has package and certificates: nowhere that its own chart mounts anything. */}}
{{- define "jupyterhub-ha.z2jh.folder" -}}
/usr/local/etc/jupyterhub-ha
{{- end }}

{{- /* Python for the hub's configuration. */}}
{{- define "jupyterhub-ha.z2jh.config" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- $domain := include "jupyterhub-ha.release.domain" . -}}
{{- $folder := include "jupyterhub-ha.z2jh.folder" . -}}
import sys
sys.path.insert(0, "{{ $folder }}")
c.JupyterHub.proxy_class = "jupyterhub_ha.TraefikEtcdProxy"
{{- if include "jupyterhub-ha.hub.elsewhere" . }}
# Traefik is in another namespace, where the Service's name alone is unknown.
c.JupyterHub.hub_connect_url = {{ include "jupyterhub-ha.hub.url" . | toJson }}
{{- end }}
c.TraefikEtcdProxy.should_start = False
c.TraefikEtcdProxy.endpoints = [
{{- range include "jupyterhub-ha.etcd.urls" (list . $domain) | fromJsonArray }}
    {{ toJson . }},
{{- end }}
]
{{- if include "jupyterhub-ha.z2jh.certificates" . }}
c.TraefikEtcdProxy.ca_file = "{{ $folder }}/etcd/ca.crt"
c.TraefikEtcdProxy.cert_file = "{{ $folder }}/etcd/tls.crt"
c.TraefikEtcdProxy.key_file = "{{ $folder }}/etcd/tls.key"
{{- end }}
{{- if $etcd.enabled }}
c.TraefikEtcdProxy.username = "hub"
c.TraefikEtcdProxy.max_txn_ops = {{ int $etcd.maxTxnOps }}
{{- else if $etcd.existingSecret.hub }}
import os
if os.environ.get("JUPYTERHUB_HA_ETCD_PASSWORD"):
    c.TraefikEtcdProxy.username = {{ toJson $etcd.auth.hubUsername }}
{{- end }}
c.TraefikEtcdProxy.entry_points = {{ include "jupyterhub-ha.https.entryPoints" . }}
c.TraefikEtcdProxy.replica_urls = ["http://{{ include "jupyterhub-ha.proxy-replicas.fullname" . }}{{ $domain }}:8080"]
c.TraefikEtcdProxy.api_username = "hub"
{{- end }}

{{- /* A map, which Helm merges with the user's own variables. */}}
{{- define "jupyterhub-ha.z2jh.env" -}}
{{- $own := .Values.proxy.etcd.enabled -}}
{{- $secret := include "jupyterhub-ha.z2jh.etcdSecret" . -}}
JUPYTERHUB_HA_API_PASSWORD:
  valueFrom:
    secretKeyRef:
      name: {{ include "jupyterhub-ha.hub-identity.fullname" . | quote }}
      key: api-password
{{- if $secret }}
JUPYTERHUB_HA_ETCD_PASSWORD:
  valueFrom:
    secretKeyRef:
      name: {{ $secret | quote }}
      key: password
      {{- if not $own }}
      optional: true
      {{- end }}
{{- end }}
# With several replicas, a login must not hang on the address that a request seems to come from.
JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS: {{ include "jupyterhub-ha.hub.anonymousRanges" . | quote }}
{{- end }}

{{- define "jupyterhub-ha.z2jh.volumes" -}}
- name: jupyterhub-ha
  projected:
    sources:
      {{- range include "jupyterhub-ha.hub.packageParts" . | fromJson }}
      - configMap:
          name: {{ . | quote }}
      {{- end }}
{{- if include "jupyterhub-ha.z2jh.certificates" . }}
- name: jupyterhub-ha-identity
  secret:
    secretName: {{ include "jupyterhub-ha.z2jh.etcdSecret" . | quote }}
    items:
      - {key: ca.crt, path: ca.crt}
      - {key: tls.crt, path: tls.crt}
      - {key: tls.key, path: tls.key}
{{- end }}
{{- end }}

{{- /* The Secret with which the hub comes to etcd: the chart's, or with one's own etcd one's own. */}}
{{- define "jupyterhub-ha.z2jh.etcdSecret" -}}
  {{- $etcd := .Values.proxy.etcd }}
  {{- ternary (include "jupyterhub-ha.hub-identity.fullname" .) ($etcd.existingSecret.hub | default "") $etcd.enabled }}
{{- end }}

{{- /* "true" when it holds certificates, else nothing. */}}
{{- define "jupyterhub-ha.z2jh.certificates" -}}
  {{- if hasPrefix "https:" (include "jupyterhub-ha.etcd.endpoints" . | fromJsonArray | first | default "") }}true{{ end }}
{{- end }}

{{- /*
  What a policy of the hub's release must let through besides: takes (list <root context> <name of
  the pods' port> <whether they are the hub's>). In one namespace Z2JH lets the proxy in already, by
  the access labels of its pods.
*/}}
{{- define "jupyterhub-ha.z2jh.networkPolicy" -}}
{{- $root := index . 0 -}}
{{- if include "jupyterhub-ha.hub.elsewhere" $root }}
ingress:
  # From Traefik in another namespace.
  - ports:
      - port: {{ index . 1 }}
    from:
      {{- include "jupyterhub-ha.release.peer" (list $root "proxy") | nindent 6 }}
{{- end }}
{{- if index . 2 }}
egress:
  # To the replicas' API, and to etcd.
  - ports:
      - port: 8080
    to:
      {{- include "jupyterhub-ha.release.peer" (list $root "proxy") | nindent 6 }}
  {{- if $root.Values.proxy.etcd.enabled }}
  - ports:
      - port: 2379
    to:
      {{- include "jupyterhub-ha.release.peer" (list $root "proxy-etcd") | nindent 6 }}
  {{- end }}
{{- end }}
{{- end }}
