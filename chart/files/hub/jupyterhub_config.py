"""The configuration of the hub, made from the values that the chart mounts beside this file.

All of it is in the package `jupyterhub_ha`. `JUPYTERHUB_HA_CONFIG_DIR` names another folder than
this file's for `secret/`, `config/` and the rest.
"""

import os
import sys

# The package and the user's own modules lie beside this file, as in Z2JH.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from jupyterhub_ha.configure import configure
from jupyterhub_ha.values import Mounts

c = get_config()  # noqa: F821

configure(c, Mounts.beside(__file__), namespace=globals())
