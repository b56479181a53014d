{{- /*
  Rules for what is in front of the hub. See validate.yaml.
*/}}

{{- /* Values that Z2JH or the design has and this version does not: never ignored. */}}
{{- define "jupyterhub-ha.validate.not-built" -}}
{{- $v := .Values -}}
{{- if $v.proxy.secretSync }}
proxy.secretSync: nothing is kept beside the pod that asks Let's Encrypt, so there is no such container; remove it
{{- end }}
{{- if $v.httpRoute.enabled }}
httpRoute.enabled: is not built yet; set it to false and write an HTTPRoute to the Service {{ include "jupyterhub-ha.proxy-public.fullname" . }} yourself
{{- end }}
{{- $puller := $v.prePuller | default dict }}
{{- $scheduler := $v.scheduling.userScheduler | default dict }}
{{- $placeholder := $v.scheduling.userPlaceholder | default dict }}
{{- if ($puller.hook).enabled }}
prePuller.hook.enabled: is not built yet; set it to false
{{- end }}
{{- if ($puller.continuous).enabled }}
prePuller.continuous.enabled: is not built yet; set it to false
{{- end }}
{{- if $scheduler.enabled }}
scheduling.userScheduler.enabled: is not built yet; set it to false, then the cluster's own scheduler places users' pods
{{- end }}
{{- if gt (int $placeholder.replicas) 0 }}
scheduling.userPlaceholder.replicas: placeholders are not built yet; set it to 0
{{- end }}
{{- /* Off by default here and on in Z2JH, so that options without the switch must not be lost either. */}}
{{- $parts := dict
  "prePuller" (omit $puller "hook" "continuous")
  "prePuller.hook" (omit ($puller.hook | default dict) "enabled")
  "prePuller.continuous" (omit ($puller.continuous | default dict) "enabled")
  "scheduling.userScheduler" (omit $scheduler "enabled")
  "scheduling.userPlaceholder" (omit $placeholder "enabled" "replicas")
}}
{{- range $path, $options := $parts }}
{{- range $key, $_ := $options }}
{{ $path }}.{{ $key }}: {{ $path }} is not built yet; remove it
{{- end }}
{{- end }}
{{- range $key := list "imagePullerPriority" "userPlaceholderPriority" }}
{{- if not (kindIs "invalid" (index $v.scheduling.podPriority $key)) }}
scheduling.podPriority.{{ $key }}: its pods are not built yet; remove it
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.proxy" -}}
{{- $proxy := .Values.proxy -}}
{{- $service := $proxy.service -}}
{{- $strategy := $proxy.deploymentStrategy -}}
{{- if eq $proxy.kind "traefik-file" }}
proxy.kind: traefik-file is for one host, whose replicas read one file; render it with `proxy-gen render --target host`, or use traefik-etcd in Kubernetes
{{- end }}
{{- if and $service.disableHttpPort (not $proxy.https.enabled) }}
proxy.service.disableHttpPort: leaves the Service without a port; set it to false or enable proxy.https
{{- end }}
{{- if and $service.loadBalancerSourceRanges (ne $service.type "LoadBalancer") }}
proxy.service.loadBalancerSourceRanges: a Service of type {{ $service.type }} lets everybody in; use type LoadBalancer or remove the ranges
{{- end }}
{{- if eq $service.type "ClusterIP" }}
{{- range $port := list "http" "https" }}
{{- if index $service.nodePorts $port }}
proxy.service.nodePorts.{{ $port }}: a Service of type ClusterIP has no node ports; use type NodePort or LoadBalancer, or remove it
{{- end }}
{{- end }}
{{- end }}
{{- if and $service.nodePorts.https (not $proxy.https.enabled) }}
proxy.service.nodePorts.https: there is no port 443; enable proxy.https or remove it
{{- end }}
{{- if and $strategy.rollingUpdate (eq ($strategy.type | default (ternary "Recreate" "RollingUpdate" (eq $proxy.kind "chp"))) "Recreate") }}
proxy.deploymentStrategy.rollingUpdate: has no meaning with type Recreate; remove it or set the type to RollingUpdate
{{- end }}
{{- range $path, $pdb := dict "hub.pdb" .Values.hub.pdb "proxy.chp.pdb" $proxy.chp.pdb "proxy.traefik.pdb" $proxy.traefik.pdb "proxy.etcd.pdb" $proxy.etcd.pdb }}
{{- if $pdb.enabled }}
{{- $max := kindIs "invalid" $pdb.maxUnavailable | not }}
{{- $min := kindIs "invalid" $pdb.minAvailable | not }}
{{- if and $max $min }}
{{ $path }}.minAvailable: Kubernetes allows only one of minAvailable and maxUnavailable; set one of them to null
{{- else if not (or $max $min) }}
{{ $path }}.maxUnavailable: neither maxUnavailable nor minAvailable is set; set one of them or {{ $path }}.enabled to false
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "jupyterhub-ha.validate.traefik" -}}
{{- $proxy := .Values.proxy -}}
{{- $traefik := $proxy.traefik -}}
{{- if eq $proxy.kind "traefik-etcd" }}
{{- $autoscaling := $traefik.autoscaling }}
{{- if $autoscaling.enabled }}
{{- if gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas) }}
proxy.traefik.autoscaling.minReplicas: {{ $autoscaling.minReplicas }} is more than maxReplicas, {{ $autoscaling.maxReplicas }}; raise maxReplicas
{{- end }}
{{- if not (dig "requests" "cpu" "" ($traefik.resources | default dict)) }}
proxy.traefik.resources.requests.cpu: is empty, and the autoscaler needs it to compute a percentage; set it, to 500m for example
{{- end }}
{{- end }}
{{- if $traefik.dashboard.enabled }}
{{- $taken := list 8000 8080 8443 }}
{{- range $traefik.extraPorts }}
{{- $taken = append $taken (int .containerPort) }}
{{- end }}
{{- if has (int $traefik.dashboard.port) $taken }}
proxy.traefik.dashboard.port: {{ $traefik.dashboard.port }} is taken by another port of the pod; choose another one, such as 9000
{{- end }}
{{- if not $traefik.dashboard.existingSecret }}
{{- include "jupyterhub-ha.validate.password" (list "proxy.traefik.dashboard.password" $traefik.dashboard.password) }}
{{- end }}
{{- end }}
{{- range $name := list "http" "https" "internal" "dashboard" }}
{{- if dig "entryPoints" $name "address" "" ($traefik.extraStaticConfig | default dict) }}
proxy.traefik.extraStaticConfig.entryPoints.{{ $name }}.address: Services and probes count on this port; remove it{{ if eq $name "dashboard" }} and set proxy.traefik.dashboard.port{{ else }}, and add an entry point with another name for another port{{ end }}
{{- end }}
{{- end }}
{{- if dig "providers" "etcd" "rootKey" "" ($traefik.extraStaticConfig | default dict) }}
proxy.traefik.extraStaticConfig.providers.etcd.rootKey: the hub writes to the key traefik; remove it
{{- end }}
{{- include "jupyterhub-ha.validate.password" (list "proxy.traefik.api.password" $traefik.api.password) }}
{{- end }}
{{- end }}

{{- /* A password that is given must be long, since its hash is a fast one: takes (list <path> <value>). */}}
{{- define "jupyterhub-ha.validate.password" -}}
{{- $value := index . 1 | default "" | toString -}}
{{- if and $value (lt (len $value) 12) }}
{{ index . 0 }}: is shorter than 12 characters; take a longer one, or leave it empty and one is drawn
{{- end }}
{{- end }}
