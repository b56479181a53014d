{{- /*
  What the hub's pod gets to see of the values: all of them, as hub.extraConfig may read any, except
  for secrets of others. Whoever breaks into the hub must not get etcd's root, the certificate
  authority or a TLS key along with it.
*/}}
{{- define "jupyterhub-ha.hub.values" -}}
  {{- $values := deepCopy .Values }}
  {{- range list
    "imagePullSecret.password"
    "proxy.etcd.auth.hubPassword"
    "proxy.etcd.auth.rootPassword"
    "proxy.etcd.tls"
    "proxy.https.manual.key"
    "proxy.secretToken"
    "proxy.traefik.api.password"
    "proxy.traefik.dashboard.password"
  }}
    {{- include "jupyterhub-ha.hub.drop" (list $values .) }}
  {{- end }}
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
