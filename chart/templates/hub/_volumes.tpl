{{- /*
  What is mounted into the hub's pod. The package jupyterhub_ha knows these places: values.Mounts.
*/}}

{{- define "jupyterhub-ha.hub.volumes" -}}
- name: config
  configMap:
    name: {{ include "jupyterhub-ha.hub.fullname" . }}
{{ include "jupyterhub-ha.hub.packageVolume" . }}
- name: secret
  secret:
    secretName: {{ include "jupyterhub-ha.hub.fullname" . }}
{{- with include "jupyterhub-ha.hub-existing-secret.fullname" . }}
- name: existing-secret
  secret:
    secretName: {{ . }}
{{- end }}
{{- if eq .Values.proxy.kind "traefik-etcd" }}
{{- with include "jupyterhub-ha.proxy-etcd-hub.fullname" . }}
- name: etcd
  secret:
    secretName: {{ . }}
{{- end }}
- name: proxy-api
  secret:
    secretName: {{ include "jupyterhub-ha.proxy-api-users.fullname" . }}
    items:
      - key: hub-password
        path: hub-password
{{- end }}
{{- with .Values.hub.extraFiles }}
- name: files
  secret:
    secretName: {{ include "jupyterhub-ha.hub.fullname" $ }}
    items:
      {{- include "jupyterhub-ha.files.items" . | trim | nindent 6 }}
{{- end }}
{{- if eq .Values.hub.db.type "sqlite-pvc" }}
- name: pvc
  persistentVolumeClaim:
    claimName: {{ include "jupyterhub-ha.hub-pvc.fullname" . }}
{{- end }}
{{- with .Values.hub.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* JSON: how the files of each part of the package begin, with the name of its ConfigMap. */}}
{{- define "jupyterhub-ha.hub.packageParts" -}}
  {{- $parts := dict
    "rest" (include "jupyterhub-ha.hub-package.fullname" .)
    "etcd" (include "jupyterhub-ha.hub-package-etcd.fullname" .)
    "certificate_" (include "jupyterhub-ha.hub-package-certificates.fullname" .)
  }}
  {{- if .Values.hub.enabled }}
    {{- $_ := set $parts "in_process" (include "jupyterhub-ha.hub-package-in-process.fullname" .) }}
  {{- end }}
  {{- if .Values.tmpnb.enabled }}
    {{- $_ := set $parts "tmpnb_" (include "jupyterhub-ha.hub-package-tmpnb.fullname" .) }}
  {{- end }}
  {{- toJson $parts }}
{{- end }}

{{- /* The volume `package`: all parts in one folder. */}}
{{- define "jupyterhub-ha.hub.packageVolume" -}}
- name: package
  projected:
    sources:
      {{- range include "jupyterhub-ha.hub.packageParts" . | fromJson }}
      - configMap:
          name: {{ . }}
      {{- end }}
{{- end }}

{{- define "jupyterhub-ha.hub.volumeMounts" -}}
{{- $folder := "/usr/local/etc/jupyterhub" -}}
- name: config
  mountPath: {{ $folder }}/jupyterhub_config.py
  subPath: jupyterhub_config.py
- name: package
  mountPath: {{ $folder }}/jupyterhub_ha/
- name: config
  mountPath: {{ $folder }}/config/
- name: secret
  mountPath: {{ $folder }}/secret/
{{- if include "jupyterhub-ha.hub-existing-secret.fullname" . }}
- name: existing-secret
  mountPath: {{ $folder }}/existing-secret/
{{- end }}
{{- if eq .Values.proxy.kind "traefik-etcd" }}
{{- if include "jupyterhub-ha.proxy-etcd-hub.fullname" . }}
- name: etcd
  mountPath: {{ $folder }}/etcd/
{{- end }}
- name: proxy-api
  mountPath: {{ $folder }}/proxy-api/
{{- end }}
{{- with .Values.hub.extraFiles }}
{{ include "jupyterhub-ha.files.mounts" . | trim }}
{{- end }}
{{- with .Values.hub.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- if eq .Values.hub.db.type "sqlite-pvc" }}
- name: pvc
  mountPath: /srv/jupyterhub
  {{- with .Values.hub.db.pvc.subPath }}
  subPath: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}
