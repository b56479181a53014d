{{- /*
  What the hub's pod gets to see of the values: all of them, as hub.extraConfig may read any, except
  for two kinds. Secrets of others: whoever breaks into the hub must not get etcd's root, the
  certificate authority or a TLS key along with it. And what only makes the proxy's and etcd's pods:
  the hub restarts when its values change, which a log level of Traefik is no reason for.
*/}}
{{- define "jupyterhub-ha.hub.values" -}}
  {{- $values := deepCopy .Values }}
  {{- range list
    "imagePullSecret.password"
    "monitoring"
    "proxy.annotations"
    "proxy.chp"
    "proxy.deploymentStrategy"
    "proxy.certificates"
    "proxy.https.certManager"
    "proxy.https.letsencrypt"
    "proxy.https.manual"
    "proxy.https.secret"
    "proxy.labels"
    "proxy.secretToken"
    "proxy.service"
    "proxy.traefik"
  }}
    {{- include "jupyterhub-ha.hub.drop" (list $values .) }}
  {{- end }}
  {{- $_ := mergeOverwrite $values.hub (include "jupyterhub-ha.hub.services" . | fromJson) }}
  {{- $etcd := pick $values.proxy.etcd "enabled" "endpoints" "maxTxnOps" "namespace" }}
  {{- $_ := set $etcd "auth" (pick $values.proxy.etcd.auth "hubUsername") }}
  {{- $_ := set $values.proxy "etcd" $etcd }}
  {{- $_ := set $values "Chart" (dict "Name" .Chart.Name "Version" .Chart.Version "AppVersion" .Chart.AppVersion) }}
  {{- $_ := set $values "Release" (pick .Release "Name" "Namespace" "Service") }}
  {{- toYaml $values }}
{{- end }}

{{- /* Removes a dotted path from a map in place: takes (list <map> <path>), renders nothing. */}}
{{- define "jupyterhub-ha.hub.drop" -}}
  {{- $node := index . 0 }}
  {{- $levels := splitList "." (index . 1) }}
  {{- range initial $levels }}
    {{- $node = get $node . | default dict }}
  {{- end }}
  {{- $_ := unset $node (last $levels) }}
{{- end }}
