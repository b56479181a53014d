"""Shared notebooks: a service of JupyterHub that keeps, shows and hands on what visitors share.

It runs beside the hub, and not in it: notebooks come from anybody. It needs what an image for
users' servers has, JupyterHub and nbconvert.
"""

from __future__ import annotations
