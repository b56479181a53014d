# Given to the hub as hub.extraConfig: the servers of users whose names begin with "load-" are all
# the one of users_server.py. The hub treats them as any other: users, servers, routes, database.
# All other users get pods from KubeSpawner.
import socket

from kubespawner import KubeSpawner


class LoadSpawner(KubeSpawner):
    """KubeSpawner, but for the users of the load."""

    _started = False

    def _is_load(self):
        return self.user.name.startswith("load-")

    def start(self):
        if self._is_load():
            return self._start_load()
        return super().start()

    async def _start_load(self):
        self._started = True
        # An address, as a pod's: names are not what is tested.
        return f"http://{socket.gethostbyname('load-server')}:8888"

    async def poll(self):
        if self._is_load():
            return None if self._started else 0
        return await super().poll()

    async def stop(self, now=False):
        if self._is_load():
            self._started = False
        else:
            await super().stop(now)

    def get_state(self):
        return {**super().get_state(), "started": self._started}

    def load_state(self, state):
        super().load_state(state)
        self._started = state.get("started", False)


c.JupyterHub.spawner_class = LoadSpawner  # noqa: F821 - the configuration's own name
