"""Speed and cost of JupyterHub's proxies, each beside its peers within one run."""
