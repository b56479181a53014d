"""What JupyterHub expects of a proxy, as tests that run alike on every proxy.

    pytest --pyargs jupyterhub_ha_conformance --proxy-system mymodule:MySystem

`System` in the module `system` says what `MySystem` must have.
"""

from jupyterhub_ha_conformance.system import System

__all__ = ["System"]
