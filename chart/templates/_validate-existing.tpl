{{- /*
  Rules for what Kubernetes lets nobody change in an object that exists: without them an upgrade
  would fail halfway, or etcd would lose its majority. See validate.yaml.

  They look at the cluster, so `helm template` does not know them. Helm itself reads each of these
  objects when it upgrades, so that looking at them needs no further rights.
*/}}

{{- /*
  An object of this release as JSON, or {}: takes (list <root context> <apiVersion> <kind>
  <namespace, "" for none> <name>). Of another release's objects, Helm itself keeps off.
*/}}
{{- define "jupyterhub-ha.existing" -}}
  {{- $root := index . 0 }}
  {{- $found := lookup (index . 1) (index . 2) (index . 3) (index . 4) | default dict }}
  {{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" $root.Release.Name $found }}
  {{- ternary $found dict (eq $owner $root.Release.Name) | toJson }}
{{- end }}

{{- /* A quantity such as 1Gi or 500M as a number, for comparing: takes its text. */}}
{{- define "jupyterhub-ha.quantity" -}}
  {{- $text := toString . }}
  {{- $number := regexFind "^[0-9.]+([eE][0-9]+)?" $text }}
  {{- $units := dict "" 1 "m" 0.001
    "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18
    "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976
  }}
  {{- mulf (float64 $number) (get $units (trimPrefix $number $text) | default 1 | float64) | printf "%.3f" }}
{{- end }}

{{- /* A map's entries as key=value, sorted, for comparing and for reading. */}}
{{- define "jupyterhub-ha.pairs" -}}
  {{- $pairs := list }}
  {{- range $key, $value := . | default dict }}
    {{- $pairs = append $pairs (printf "%s=%v" $key $value) }}
  {{- end }}
  {{- $pairs | sortAlpha | join "," | default "(none)" }}
{{- end }}

{{- define "jupyterhub-ha.validate.existing-etcd" -}}
{{- $etcd := .Values.proxy.etcd -}}
{{- if and (eq .Values.proxy.kind "traefik-etcd") $etcd.enabled }}
{{- $name := include "jupyterhub-ha.proxy-etcd.fullname" . }}
{{- $namespace := .Release.Namespace }}
{{- $spec := (include "jupyterhub-ha.existing" (list . "apps/v1" "StatefulSet" $namespace $name) | fromJson).spec }}
{{- with $spec }}
{{- $labels := include "jupyterhub-ha.matchLabels" (list $ "proxy-etcd") | fromYaml }}
{{- $selector := printf "app=%s,component=%s,release=%s" $labels.app $labels.component $labels.release }}
{{- /* etcd's content can be rebuilt, so the simple way is to begin anew. */}}
{{- $anew := printf "keep it, or let etcd begin anew (docs/how-to/etcd.md) and upgrade again: kubectl -n %s delete statefulset %s && kubectl -n %s delete pvc -l %s" $namespace $name $namespace $selector }}
{{- /* What only new volumes have does not concern the pods, which stay. */}}
{{- $orphan := printf "keep it, or take the StatefulSet away without its pods and upgrade again: kubectl -n %s delete statefulset %s --cascade=orphan" $namespace $name }}
{{- $claim := first (.volumeClaimTemplates | default list) | default dict }}
{{- /* The others would be gone before they could leave. */}}
{{- if lt (int $etcd.replicas) (add1 (div (int .replicas) 2) | int) }}
proxy.etcd.replicas: {{ int $etcd.replicas }} of the {{ int .replicas }} members that etcd has is no majority, and it would serve nobody; {{ $anew }}
{{- end }}
{{- if or (ne .podManagementPolicy "Parallel") (ne .serviceName $name) }}
proxy.etcd.enabled: StatefulSet {{ $name }} is another chart's, with {{ .podManagementPolicy }} starts and the Service {{ .serviceName }}, which cannot be changed; {{ $orphan }}
{{- end }}
{{- if ne (ternary "pvc" "memory" (not (empty $claim))) $etcd.storage.type }}
proxy.etcd.storage.type: StatefulSet {{ $name }} has {{ ternary "volumes" "memory" (not (empty $claim)) }}, which cannot be changed; {{ $anew }}
{{- else if $claim }}
{{- $size := dig "spec" "resources" "requests" "storage" "0" $claim }}
{{- if ne (include "jupyterhub-ha.quantity" $size) (include "jupyterhub-ha.quantity" $etcd.storage.size) }}
proxy.etcd.storage.size: StatefulSet {{ $name }} has volumes of {{ $size }}, which cannot be changed; {{ $anew }}
{{- end }}
{{- $class := dig "spec" "storageClassName" "(the default)" $claim }}
{{- if ne $class (ternary "(the default)" (toString $etcd.storage.storageClassName) (kindIs "invalid" $etcd.storage.storageClassName)) }}
proxy.etcd.storage.storageClassName: StatefulSet {{ $name }} has volumes of class {{ $class | quote }}, which cannot be changed; {{ $anew }}
{{- end }}
{{- $annotations := include "jupyterhub-ha.pairs" (dig "metadata" "annotations" dict $claim) }}
{{- if ne $annotations (include "jupyterhub-ha.pairs" $etcd.storage.annotations) }}
proxy.etcd.storage.annotations: the volumes of StatefulSet {{ $name }} have {{ $annotations }}, which cannot be changed; {{ $orphan }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What a workload selects its pods by. */}}
{{- define "jupyterhub-ha.validate.existing-selectors" -}}
{{- $root := . -}}
{{- $workloads := dict "hub" (list "Deployment" (include "jupyterhub-ha.hub.fullname" .)) }}
{{- if ne .Values.proxy.kind "in-process" }}
{{- $_ := set $workloads "proxy" (list "Deployment" (include "jupyterhub-ha.proxy.fullname" .)) }}
{{- end }}
{{- if and (eq .Values.proxy.kind "traefik-etcd") .Values.proxy.etcd.enabled }}
{{- $_ := set $workloads "proxy-etcd" (list "StatefulSet" (include "jupyterhub-ha.proxy-etcd.fullname" .)) }}
{{- end }}
{{- range $component, $workload := $workloads }}
{{- $kind := index $workload 0 }}
{{- $name := index $workload 1 }}
{{- $object := include "jupyterhub-ha.existing" (list $root "apps/v1" $kind $root.Release.Namespace $name) | fromJson }}
{{- $labels := dig "spec" "selector" "matchLabels" dict $object }}
{{- $wanted := include "jupyterhub-ha.matchLabels" (list $root $component) | fromYaml }}
{{- if and $labels (ne (include "jupyterhub-ha.pairs" $labels) (include "jupyterhub-ha.pairs" $wanted)) }}
nameOverride: {{ $kind }} {{ $name }} selects its pods by {{ include "jupyterhub-ha.pairs" $labels }}, which cannot become {{ include "jupyterhub-ha.pairs" $wanted }}; keep the former one, or end it and its pods and upgrade again: kubectl -n {{ $root.Release.Namespace }} delete {{ lower $kind }} {{ $name }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The volume of the hub's database: growing is allowed, where the class allows it. */}}
{{- define "jupyterhub-ha.validate.existing-database" -}}
{{- if eq .Values.hub.db.type "sqlite-pvc" }}
{{- $pvc := .Values.hub.db.pvc }}
{{- $name := include "jupyterhub-ha.hub-pvc.fullname" . }}
{{- $spec := (include "jupyterhub-ha.existing" (list . "v1" "PersistentVolumeClaim" .Release.Namespace $name) | fromJson).spec }}
{{- with $spec }}
{{- $cure := printf "keep it, or move the database: copy jupyterhub.sqlite out of the hub's pod and delete the claim (kubectl -n %s delete deployment %s && kubectl -n %s delete pvc %s), upgrade, and copy it back" $.Release.Namespace (include "jupyterhub-ha.hub.fullname" $) $.Release.Namespace $name }}
{{- $size := dig "resources" "requests" "storage" "0" . }}
{{- if lt (include "jupyterhub-ha.quantity" $pvc.storage | float64) (include "jupyterhub-ha.quantity" $size | float64) }}
hub.db.pvc.storage: the volume of the database has {{ $size }}, and cannot become smaller; {{ $cure }}
{{- end }}
{{- if and (kindIs "string" $pvc.storageClassName) (ne (toString $pvc.storageClassName) (.storageClassName | default "")) }}
hub.db.pvc.storageClassName: the volume of the database is of class {{ .storageClassName | default "" | quote }}, which cannot be changed; {{ $cure }}
{{- end }}
{{- $modes := .accessModes | default list | sortAlpha | join "," }}
{{- if ne $modes ($pvc.accessModes | default list | sortAlpha | join ",") }}
hub.db.pvc.accessModes: the volume of the database has {{ $modes }}, which cannot be changed; {{ $cure }}
{{- end }}
{{- if ne (.selector | default dict | toJson) ($pvc.selector | default dict | toJson) }}
hub.db.pvc.selector: the volume of the database was chosen by another one, which cannot be changed; {{ $cure }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.existing-priority" -}}
{{- $priority := .Values.scheduling.podPriority -}}
{{- if $priority.enabled }}
{{- $name := include "jupyterhub-ha.priority.fullname" . }}
{{- $object := include "jupyterhub-ha.existing" (list . "scheduling.k8s.io/v1" "PriorityClass" "" $name) | fromJson }}
{{- if and $object (ne (int ($object.value | default 0)) (int $priority.defaultPriority)) }}
scheduling.podPriority.defaultPriority: PriorityClass {{ $name }} has {{ int ($object.value | default 0) }}, which cannot be changed; keep it, or take it away, which no pod that runs notices, and upgrade again: kubectl delete priorityclass {{ $name }}
{{- end }}
{{- end }}
{{- end }}
