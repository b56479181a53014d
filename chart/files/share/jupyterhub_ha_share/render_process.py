"""The program that reads one notebook of a stranger, checks it and makes a page of it.

It runs for one notebook, with little memory and time and without the service's secrets: nothing
that a notebook does to the parsers may harm more than this process. From stdin comes the notebook;
to stdout go a line of JSON, and behind it the notebook as it is to be kept and the page.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any, Final

_MEBIBYTE: Final = 1024 * 1024


def main() -> int:
    """Read, check, render; a notebook that is refused is an answer, too."""
    memory, seconds, largest = (int(word) for word in sys.argv[1:4])
    _limit(memory, seconds)
    try:
        document, content, page = _rendered(sys.stdin.buffer.read(), largest)
    except _ProblemError as problem:
        document, content, page = {"problem": str(problem)}, b"", b""
    except RecursionError:
        document, content, page = {"problem": "it is nested too deeply"}, b"", b""
    except MemoryError:
        document, content, page = {"problem": "it needs too much memory to be shown"}, b"", b""
    document |= {"notebook": len(content), "page": len(page)}
    sys.stdout.buffer.write(json.dumps(document).encode() + b"\n" + content + page)
    return 0


class _ProblemError(Exception):
    """Why the notebook is refused."""


def _limit(memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory * _MEBIBYTE, memory * _MEBIBYTE))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # No file may grow, and no process be started.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _rendered(given: bytes, largest: int) -> tuple[dict[str, Any], bytes, bytes]:
    # After the limits are set, which hold for these, too.
    from .render import NoNotebookError, checked, rendered

    try:
        notebook = checked(given)
        content = json.dumps(
            notebook, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode("utf-8")
        page = rendered(notebook).encode("utf-8")
    except NoNotebookError as error:
        raise _ProblemError(str(error)) from error
    except UnicodeEncodeError as error:
        raise _ProblemError("it has characters that are none") from error
    if len(page) > largest:
        raise _ProblemError(f"as a page it has {len(page)} bytes, more than {largest}")
    return {"title": _title(notebook)}, content, page


def _title(notebook: Any) -> str:
    """The first heading, for lists and the title of the window."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("# "):
                    return str(line[2:].strip()[:100])
    return ""


if __name__ == "__main__":
    sys.exit(main())
