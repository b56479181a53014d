"""``proxy-gen up``: the hub of a values file, running on this machine in the foreground."""

from __future__ import annotations

import contextlib
import datetime
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from proxy_gen import chart, secret_file, secrets, values
from proxy_gen.cli_options import (
    quiet_option,
    talk,
    values_options,
)
from proxy_gen.errors import ToolError
from proxy_gen.host import LOGIN_PATH, Host, Workloads, claim, prepare, start
from proxy_gen.host_layout import Layout, choose_ports
from proxy_gen.mounts import Objects
from proxy_gen.render import render
from proxy_gen.secret_file import SecretFile
from proxy_gen.supervise import Change, StoppedError, Supervisor
from proxy_gen.values import Overrides, Values


@click.command()
@values_options
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on for users; 0.0.0.0 for all.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The public port; 0 for any. [default: 8000 if free]",
)
@click.option(
    "--dashboard-port",
    type=click.IntRange(0, 65535),
    help="The dashboard's port; 0 for any. [default: 9000 if free]",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where data, logs and secrets are kept. [default: .run/NAME of the first values file]",
)
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    address: str,
    port: int | None,
    dashboard_port: int | None,
    state_dir: Path | None,
    quiet: bool,
) -> None:
    """Render VALUES for this machine and run it until Ctrl-C.

    It runs the same system as in the cluster: etcd with its users and certificates, every Traefik
    replica that the values ask for on one shared port, and JupyterHub with the etcd proxy. Users'
    servers are processes of your account: this is for trying out, not for users who do not trust
    each other.

    What dies is started again. Users' files, secrets and logs stay in the state folder for the next
    time.

    \b
    Example:
      proxy-gen up values-examples/local.yaml
      proxy-gen up values.yaml --port 0 --set proxy.traefik.replicas=3
    """
    say = talk(quiet)
    layout = Layout((state_dir or Path(".run") / Path(files[0]).stem).absolute())
    with claim(layout):
        given = _with_secrets(values.read(files, overrides), layout)
        objects = Objects(document.data for document in render(given).documents)
        workloads = Workloads.of(objects)
        whole = values.coalesce(given.data, chart.defaults(chart.find()))
        ports = choose_ports(
            layout.state / "ports.json",
            host=address,
            public=port,
            dashboard=dashboard_port,
            replicas=workloads.replicas,
            members=workloads.members,
            share=workloads.share is not None,
        )
        host = prepare(workloads, objects, whole, layout, ports, address)
        file, line = given.place(LOGIN_PATH.split("."))
        _run(replace(host, login=host.login.replace(LOGIN_PATH, f"in {file}, line {line}")), say)


def _with_secrets(given: Values, layout: Layout) -> Values:
    """The values over the state folder's secrets; those that are missing are drawn and kept."""
    former = secret_file.read(layout.secrets)
    absent = secrets.missing(former.tree)
    drawn = secrets.draw(former.tree, etcd_name=secrets.etcd_name(given.data))
    if absent:
        today = dict.fromkeys(absent, datetime.datetime.now(datetime.UTC).date())
        secret_file.write(layout.secrets, SecretFile(drawn, {**former.drawn, **today}))
    return replace(given, data=values.merge(drawn, given.data))


def _run(host: Host, say: Callable[[str], None]) -> None:
    finished = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: finished.set())
    with Supervisor(host.layout, list(host.programs.values()), finished) as supervisor:
        # Ctrl-C while something is waited for is no error: all is stopped in order.
        with contextlib.suppress(StoppedError):
            for line in start(host, supervisor):
                say(f"  up: {line}")
            click.echo(_summary(host))
            _watch(supervisor, finished, say)
        say(f"\nstopping; what is kept stays in {host.layout.state}")
    say("stopped")


def _watch(supervisor: Supervisor, finished: threading.Event, say: Callable[[str], None]) -> None:
    list(supervisor.changes())
    while not finished.wait(0.5):
        if not supervisor.alive():
            raise ToolError("supervisord was stopped from outside; everything is stopped")
        for line in filter(None, map(_event, supervisor.changes())):
            say(line)


def _event(change: Change) -> str:
    """One line for a person; empty for a step on the way."""
    now = datetime.datetime.now().strftime("%H:%M:%S")
    if change.died:
        return f"{now} {change.program}: stopped by itself; it is started again"
    if change.after == "RUNNING":
        return f"{now} {change.program}: runs again ({change.detail})"
    return ""


def _summary(host: Host) -> str:
    rows = [("JupyterHub", host.url), ("Log in", host.login)]
    if host.dashboard_url:
        where = f"proxy.traefik.dashboard.password in {host.layout.secrets}"
        rows.append(("Dashboard", host.dashboard_url))
        rows.append(("", f"user {host.dashboard_user}, password: {where}"))
    rows.append(("Logs", f"{host.layout.logs}/"))
    lines = [f"  {name:11} {text}" for name, text in rows]
    return "\n".join(["", *lines, "", "  Ctrl-C stops everything.", ""])
