module jupyterhub-ha/tools/pause

go 1.26.0
