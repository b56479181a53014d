"""``proxy-gen status``: how a release on Kubernetes is."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import click

from proxy_gen.cli_options import NAMED_FILE
from proxy_gen.errors import ProxyGenError
from proxy_gen.status import judge, writing
from proxy_gen.status.facts import Report
from proxy_gen.status.kubectl import Kubectl
from proxy_gen.status.look import look

# To the upper left corner; and from the cursor to the end of the line, and of the screen.
_HOME, _TO_LINE_END, _TO_END = "\033[H", "\033[K", "\033[J"
_CLEAR = "\033[2J"


@click.command()
@click.option(
    "-n", "--namespace", help="The release's namespace.  [default: that of kubectl's context]"
)
@click.option("--release", help="Name of the Helm release, if the namespace has several.")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.  [default: kubectl's]")
@click.option(
    "--kubeconfig",
    metavar="FILE",
    type=NAMED_FILE,
    help="The kubeconfig.  [default: kubectl's]",
)
@click.option(
    "--watch",
    "seconds",
    metavar="[SECONDS]",
    is_flag=False,
    flag_value=5.0,
    type=click.FloatRange(min=1),
    help="Look again and again, every 5 seconds or as given, until Ctrl-C.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(writing.FORMATS),
    default="text",
    show_default=True,
    help="How to print it; watched, JSON has one line for each look.",
)
def command(
    namespace: str | None,
    release: str | None,
    context: str | None,
    kubeconfig: str | None,
    seconds: float | None,
    form: str,
) -> None:
    """Show how a release on Kubernetes is, and what to do where it is not well.

    The proxy's replicas and whether they serve the same table, etcd's members, the days that are
    left of certificates, the hub, the number of routes, and the last fault. It only reads, with
    kubectl and your rights there: it lists pods and their workloads, Secrets and events, and
    forwards ports of the pods. No private key is read and no secret is shown; what cannot be read
    is unknown, with the reason.

    Exit codes: 0 all is well; 1 something is wrong; 2 it could not be asked, or nothing wrong was
    seen but not all could be asked. With --watch they are those of the last look.

    \b
    Example:
      proxy-gen status -n hub
      proxy-gen status -n hub --watch
      proxy-gen status -n hub --format json | jq .problems
    """
    kubectl = Kubectl.of(namespace=namespace, context=context, kubeconfig=kubeconfig)
    with _stopped_in_order() as stopped:
        if seconds is None:
            code = _show(look(kubectl, release), form)
        else:
            code = _watch(lambda: look(kubectl, release), seconds, form, stopped)
    if code:
        raise click.exceptions.Exit(code)


def _show(report: Report, form: str) -> int:
    if form == "json":
        click.echo(writing.as_json(report))
    else:
        click.echo(writing.as_text(report, colour=sys.stdout.isatty()), nl=False)
    return _code(report)


def _watch(
    look_once: Callable[[], Report], seconds: float, form: str, stopped: threading.Event
) -> int:
    """Look again and again; a look that fails is told, and the next one may do better."""
    code = 0
    redraw = form == "text" and sys.stdout.isatty()
    if redraw:
        click.echo(_CLEAR, nl=False)
    with contextlib.suppress(KeyboardInterrupt):
        while not stopped.is_set():
            started = time.monotonic()
            try:
                report = look_once()
            except ProxyGenError as error:
                code, block = error.exit_code, ""
                click.echo(f"Error: {error}", err=True)
            else:
                code, block = _code(report), _block(report, form, redraw)
            click.echo(block, nl=False)
            sys.stdout.flush()
            time.sleep(max(0.0, started + seconds - time.monotonic()))
    return code


def _block(report: Report, form: str, redraw: bool) -> str:
    if form == "json":
        return f"{writing.as_json(report, indent=None)}\n"
    text = writing.as_text(report, colour=redraw)
    if not redraw:
        return f"{text}\n"
    # Line over line, so that nothing flickers.
    return _HOME + text.replace("\n", f"{_TO_LINE_END}\n") + _TO_END


def _code(report: Report) -> int:
    return 1 if judge.problems(report) else 2 if judge.unseen(report) else 0


@contextlib.contextmanager
def _stopped_in_order() -> Iterator[threading.Event]:
    """Let SIGTERM and SIGHUP do as Ctrl-C does: no kubectl is left behind.

    The event is set, too: Python drops an exception that comes while a finalizer runs.
    """
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        signal.default_int_handler(number, frame)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {one: signal.getsignal(one) for one in numbers}
    for one in former:
        signal.signal(one, stop)
    try:
        yield stopped
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
