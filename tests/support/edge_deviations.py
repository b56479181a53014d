EDGES = {name: {} for name in ("nginx", "apache", "traefik", "haproxy", "caddy")}
