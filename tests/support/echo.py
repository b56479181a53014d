"""The conformance suite's echo server, for the other tests."""

from jupyterhub_ha_conformance.echo import EchoServer

__all__ = ["EchoServer"]
