{{- /*
  Network policies: what Z2JH's `networkPolicy` values mean.
*/}}

{{- /*
  The egress rules of one `networkPolicy` value: takes (list <root context> <networkPolicy>),
  renders a list of rules, or nothing. Traffic to private addresses, to others, to the cloud's
  metadata server and to DNS are switched one by one.
*/}}
{{- define "jupyterhub-ha.networkPolicy.egress" -}}
{{- $root := index . 0 -}}
{{- $policy := index . 1 -}}
{{- $allow := $policy.egressAllowRules | default dict -}}
{{- $metadata := dict "ipBlock" (dict "cidr" (printf "%s/32" $root.Values.singleuser.cloudMetadata.ip)) -}}
{{- $privateRanges := list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" -}}
{{- $private := list -}}
{{- range $privateRanges -}}
  {{- $private = append $private (dict "ipBlock" (dict "cidr" .)) -}}
{{- end -}}
{{- $rules := list -}}

{{- $dns := list -}}
{{- if $allow.dnsPortsCloudMetadataServer -}}
  {{- $dns = append $dns $metadata -}}
{{- end -}}
{{- if $allow.dnsPortsKubeSystemNamespace -}}
  {{- $dns = append $dns (dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" "kube-system"))) -}}
{{- end -}}
{{- if $allow.dnsPortsPrivateIPs -}}
  {{- $dns = concat $dns $private -}}
{{- end -}}
{{- if $dns -}}
  {{- $ports := list (dict "port" 53 "protocol" "UDP") (dict "port" 53 "protocol" "TCP") -}}
  {{- $rules = append $rules (dict "ports" $ports "to" $dns) -}}
{{- end -}}

{{- if $allow.nonPrivateIPs -}}
  {{- $except := append $privateRanges $metadata.ipBlock.cidr -}}
  {{- $rules = append $rules (dict "to" (list (dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $except)))) -}}
{{- end -}}
{{- if $allow.privateIPs -}}
  {{- $rules = append $rules (dict "to" $private) -}}
{{- end -}}
{{- if $allow.cloudMetadataServer -}}
  {{- $rules = append $rules (dict "to" (list $metadata)) -}}
{{- end -}}
{{- with concat $rules ($policy.egress | default list) -}}
{{ toYaml . }}
{{- end -}}
{{- end }}

{{- /*
  The sources that carry the access label hub.jupyter.org/network-access-<target>: takes
  (list <networkPolicy> <target>), renders a `from` list. With interNamespaceAccessLabels "accept",
  pods of other namespaces and whole namespaces may carry it too.
*/}}
{{- define "jupyterhub-ha.networkPolicy.labelled" -}}
{{- $policy := index . 0 -}}
{{- $label := printf "hub.jupyter.org/network-access-%s" (index . 1) -}}
- podSelector:
    matchLabels:
      {{ $label }}: "true"
{{- if eq $policy.interNamespaceAccessLabels "accept" }}
  # Without it, only pods of this namespace would count.
  namespaceSelector: {}
- namespaceSelector:
    matchLabels:
      {{ $label }}: "true"
{{- end }}
{{- end }}
