"""JupyterHub proxies that may die, move and be upgraded while users work."""

__version__ = "0.1.0"
