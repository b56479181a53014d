{{- /*
  Labels, those of Zero to JupyterHub: selectors are immutable, so an upgrade of an existing
  release needs the very same ones.

  Both helpers take (list <root context> <component>). The component is always spelled out: taken
  from the template's folder it would change when a file moves.

    component         pods
    hub               hub
    hub-test          pod of `helm test`
    proxy             Traefik or CHP
    proxy-certificates what publishes certificates
    proxy-etcd        members of etcd
    proxy-etcd-setup  set-up Job and the CronJobs of etcd
    share             shared notebooks
    singleuser-server user pods (KubeSpawner sets it)
    tmpnb-static      static files of visitors' pages
*/}}

{{- define "jupyterhub-ha.labels.app" -}}
  {{- .Values.nameOverride | default "jupyterhub" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* For spec.selector of workloads and Services, and podSelector of policies. */}}
{{- define "jupyterhub-ha.matchLabels" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
app: {{ include "jupyterhub-ha.labels.app" $root | quote }}
component: {{ $component | quote }}
release: {{ $root.Release.Name | quote }}
{{- end }}

{{- /* Component of the pods that users' requests come to: takes the root context. */}}
{{- define "jupyterhub-ha.public.component" -}}
  {{- ternary "hub" "proxy" (eq .Values.proxy.kind "in-process") }}
{{- end }}

{{- /* For pods: the selector's labels and the recommended ones, without the chart's version, which
       would restart every pod at each new chart. */}}
{{- define "jupyterhub-ha.podLabels" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- include "jupyterhub-ha.matchLabels" . }}
app.kubernetes.io/name: {{ include "jupyterhub-ha.labels.app" $root | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ $component | quote }}
{{- end }}

{{- /* For metadata.labels of every object. */}}
{{- define "jupyterhub-ha.labels" -}}
{{- $root := index . 0 -}}
{{- $chart := printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") -}}
{{- include "jupyterhub-ha.podLabels" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
helm.sh/chart: {{ $chart | quote }}
chart: {{ $chart | quote }}
heritage: {{ $root.Release.Service | quote }}
{{- end }}
