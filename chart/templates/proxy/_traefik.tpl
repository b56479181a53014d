{{- /*
  Traefik's two documents. Each is built as one dict, the user's is merged over it, and the result
  is written once.
*/}}

{{- define "jupyterhub-ha.traefik.static" -}}
  {{- $traefik := .Values.proxy.traefik }}
  {{- $config := dict
    "global" (dict "checkNewVersion" false "sendAnonymousUsage" false)
    "log" (dict "level" (ternary "DEBUG" $traefik.logLevel .Values.debug.enabled) "format" "json")
    "entryPoints" (include "jupyterhub-ha.traefik.entryPoints" . | fromJson)
    "ping" (dict "entryPoint" "internal" "terminatingStatusCode" 503)
    "api" (dict "dashboard" $traefik.dashboard.enabled "insecure" false "disableDashboardAd" true)
    "metrics" (dict "prometheus" (dict "entryPoint" "internal" "addEntryPointsLabels" $traefik.metrics.entryPointLabels "addServicesLabels" true "addRoutersLabels" false))
    "providers" (include "jupyterhub-ha.traefik.providers" . | fromJson)
    "serversTransport" (dict "forwardingTimeouts" (dict
      "dialTimeout" (printf "%ds" (int $traefik.timeouts.dialSeconds))
      "responseHeaderTimeout" "0s"
      "idleConnTimeout" "90s"))
  }}
  {{- if $traefik.accessLog.enabled }}
    {{- /* The query may hold a user's token, and headers the cookies. */}}
    {{- $fields := dict "headers" (dict "defaultMode" "drop") "queryParameters" (dict "defaultMode" "drop") }}
    {{- $_ := set $config "accessLog" (dict "format" "json" "fields" $fields) }}
  {{- end }}
  {{- include "jupyterhub-ha.toml" (mergeOverwrite $config (deepCopy ($traefik.extraStaticConfig | default dict))) }}
{{- end }}

{{- /* JSON. */}}
{{- define "jupyterhub-ha.traefik.entryPoints" -}}
  {{- $traefik := .Values.proxy.traefik }}
  {{- $lifeCycle := dict
    "requestAcceptGraceTimeout" (printf "%ds" (int $traefik.drain.acceptSeconds))
    "graceTimeOut" (printf "%ds" (int $traefik.drain.finishSeconds))
  }}
  {{- /* No limit for a request or an answer: Traefik's 60 seconds would cut a large upload. Bodies
         are streamed, since nothing here adds the buffering middleware. */}}
  {{- $timeouts := dict
    "readTimeout" (printf "%ds" (int $traefik.timeouts.readSeconds))
    "writeTimeout" (printf "%ds" (int $traefik.timeouts.writeSeconds))
    "idleTimeout" (printf "%ds" (int $traefik.timeouts.idleSeconds))
  }}
  {{- $http := dict
    "address" ":8000"
    "transport" (dict "lifeCycle" $lifeCycle "respondingTimeouts" $timeouts)
    "forwardedHeaders" (dict "trustedIPs" ($traefik.forwardedHeaders.trustedIPs | default list))
  }}
  {{- /* Paths go to the servers as they came, as with configurable-http-proxy: applications behind
         jupyter-server-proxy have "//" in theirs. No decision about access is taken from a path
         here; hub and servers take it themselves. A ";" in a query would become "&", another query:
         it goes on as %3B. */}}
  {{- /* X_Forwarded_For is X-Forwarded-For to a WSGI or CGI application: a client could forge with
         it what Traefik vouches for. nginx drops such headers by default, too. */}}
  {{- $noAliases := dict "aliasHeadersStrategy" "delete" }}
  {{- $_ := set $http "http" (merge (dict "sanitizePath" false "encodeQuerySemicolons" true) $noAliases) }}
  {{- /* The internal entry point stays as long as the users' one, so that the hub still sees what a
         replica that drains does serve. */}}
  {{- $entryPoints := dict
    "http" $http
    "internal" (dict "address" ":8080" "http" $noAliases "transport" (dict "lifeCycle" $lifeCycle))
  }}
  {{- if include "jupyterhub-ha.https.published" . }}
    {{- $https := deepCopy $http }}
    {{- $_ := set $https "address" ":8443" }}
    {{- $_ := set $https.http "tls" dict }}
    {{- if gt (int64 $traefik.hsts.maxAge) 0 }}
      {{- $_ := set $https.http "middlewares" (list "hsts@file") }}
    {{- end }}
    {{- $_ := set $entryPoints "https" $https }}
    {{- /* The Service's port, not this one's. Above all routes, below the authority's challenge. */}}
    {{- $_ := set $http.http "redirections" (dict "entryPoint" (dict "to" ":443" "scheme" "https" "priority" 1000000)) }}
  {{- end }}
  {{- if $traefik.dashboard.enabled }}
    {{- $_ := set $entryPoints "dashboard" (dict "address" (printf ":%d" (int $traefik.dashboard.port)) "http" $noAliases) }}
  {{- end }}
  {{- toJson $entryPoints }}
{{- end }}

{{- /* JSON. */}}
{{- define "jupyterhub-ha.traefik.providers" -}}
  {{- $urls := include "jupyterhub-ha.etcd.endpoints" . | fromJsonArray }}
  {{- $endpoints := list }}
  {{- range $urls }}
    {{- $endpoints = append $endpoints (regexReplaceAll "^https?://" . "" | trimSuffix "/") }}
  {{- end }}
  {{- $etcd := dict "endpoints" $endpoints "rootKey" "traefik" }}
  {{- if include "jupyterhub-ha.proxy-etcd-traefik.fullname" . }}
    {{- $folder := "/etc/traefik/etcd" }}
    {{- $_ := set $etcd "tls" (dict
      "ca" (printf "%s/ca.crt" $folder)
      "cert" (printf "%s/tls.crt" $folder)
      "key" (printf "%s/tls.key" $folder)) }}
  {{- end }}
  {{- toJson (dict
    "providersThrottleDuration" .Values.proxy.traefik.providersThrottleDuration
    "file" (dict "filename" "/etc/traefik/dynamic.toml" "watch" false)
    "etcd" $etcd) }}
{{- end }}

{{- define "jupyterhub-ha.traefik.dynamic" -}}
  {{- $dashboard := .Values.proxy.traefik.dashboard }}
  {{- $users := "/etc/traefik/users" }}
  {{- $marker := "jupyterhub-generation" }}
  {{- $hub := include "jupyterhub-ha.hub.url" . }}
  {{- /* The least priority of all: what no route from etcd matches, and everything as long as there
         are none, goes to the hub, not to Traefik's 404. */}}
  {{- $routers := dict
    "fallback" (dict "entryPoints" (include "jupyterhub-ha.https.entryPoints" . | fromJsonArray) "rule" "PathPrefix(`/`)" "priority" 1 "service" "hub")
    "api" (dict "entryPoints" (list "internal") "rule" "PathPrefix(`/api`)" "service" "api@internal" "middlewares" (list "api-users"))
    "ready" (dict "entryPoints" (list "internal") "rule" "Path(`/ready`)" "service" "api@internal" "middlewares" (list "ready"))
  }}
  {{- /* "ready" asks the API for the hub's marker, which is there once the table was read from etcd;
         it tells nobody more than the marker's number, so it needs no password. Users are read from
         files, so that their hashes do not show in the API. */}}
  {{- $middlewares := dict
    "api-users" (dict "basicAuth" (dict "usersFile" (printf "%s/hub" $users) "removeHeader" true))
    "ready" (dict "replacePath" (dict "path" (printf "/api/http/middlewares/%s@etcd" $marker)))
  }}
  {{- if $dashboard.enabled }}
    {{- $_ := set $routers "dashboard" (dict "entryPoints" (list "dashboard") "rule" "PathPrefix(`/dashboard`) || PathPrefix(`/api`)" "service" "api@internal" "middlewares" (list "dashboard-users")) }}
    {{- $_ := set $routers "dashboard-start" (dict "entryPoints" (list "dashboard") "rule" "Path(`/`)" "service" "noop@internal" "middlewares" (list "dashboard-start")) }}
    {{- $_ := set $middlewares "dashboard-users" (dict "basicAuth" (dict "usersFile" (printf "%s/dashboard" $users) "removeHeader" true)) }}
    {{- $_ := set $middlewares "dashboard-start" (dict "redirectRegex" (dict "regex" "^(https?://[^/]+)/?$" "replacement" "${1}/dashboard/")) }}
  {{- end }}
  {{- $config := dict "http" (dict
    "routers" $routers
    "middlewares" $middlewares
    "services" (dict "hub" (dict "loadBalancer" (dict "servers" (list (dict "url" $hub)))))) }}
  {{- if include "jupyterhub-ha.https.published" . }}
    {{- /* The default certificate comes with the others from etcd: of two providers Traefik takes
           neither. */}}
    {{- $config = mergeOverwrite $config (include "jupyterhub-ha.https.dynamic" . | fromJson) }}
  {{- else if include "jupyterhub-ha.proxy-etcd-traefik.fullname" . }}
    {{- /* Nobody is served with it. But without any default certificate, Traefik draws an RSA key at
           each reload, even when no entry point has TLS: 15 to 90 ms for each change of a route. */}}
    {{- $certificate := dict "certFile" "/etc/traefik/etcd/tls.crt" "keyFile" "/etc/traefik/etcd/tls.key" }}
    {{- $_ := set $config "tls" (dict "stores" (dict "default" (dict "defaultCertificate" $certificate))) }}
  {{- end }}
  {{- if include "jupyterhub-ha.tmpnb-static.enabled" . }}
    {{- $config = mergeOverwrite $config (include "jupyterhub-ha.tmpnb-static.dynamic" . | fromJson) }}
  {{- end }}
  {{- include "jupyterhub-ha.toml" (mergeOverwrite $config (deepCopy (.Values.proxy.traefik.extraDynamicConfig | default dict))) }}
{{- end }}
