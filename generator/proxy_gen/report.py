"""What lint found, as text, as JUnit XML, or as annotations of a GitHub workflow. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from .errors import Problem

FORMATS = ("text", "junit", "github")
Found = Mapping[str, Sequence[Problem]]
"""The problems of each family of rules; a family that found nothing has an empty list."""


def write(found: Found, form: str) -> str:
    """Return the report in one of FORMATS; it ends in a line end unless it is empty."""
    lines = {"text": _text, "junit": _junit, "github": _github}[form](found)
    return "".join(f"{line}\n" for line in lines)


def _text(found: Found) -> list[str]:
    return [f"{problem} [{problem.rule}]" for problems in found.values() for problem in problems]


def _junit(found: Found) -> list[str]:
    """One test suite, one test case per family; every problem is one failure of its family.

    Source: https://github.com/testmoapp/junitxml
    """
    count = sum(1 for problems in found.values() if problems)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites tests="{len(found)}" failures="{count}">',
        f'  <testsuite name="proxy-gen lint" tests="{len(found)}" failures="{count}">',
    ]
    for family, problems in found.items():
        head = f'    <testcase classname="proxy-gen.lint" name={quoteattr(family)}'
        if not problems:
            lines.append(f"{head}/>")
            continue
        message = quoteattr(f"{len(problems)} found")
        text = escape("\n".join(_printable(str(problem)) for problem in problems))
        lines += [
            f"{head}>",
            f"      <failure message={message}>{text}</failure>",
            "    </testcase>",
        ]
    return [*lines, "  </testsuite>", "</testsuites>"]


def _github(found: Found) -> list[str]:
    """Workflow commands, which GitHub shows beside the lines that they name.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    lines = []
    for problems in found.values():
        for problem in problems:
            properties = {"title": f"proxy-gen lint: {problem.rule}"}
            if problem.file:
                properties["file"] = problem.file
            if problem.line:
                properties["line"] = str(problem.line)
            listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
            message = f"{problem.path}: {problem.what}" if problem.path else problem.what
            whole = f"{message}; {problem.cure}" if problem.cure else message
            lines.append(f"::error {listed}::{_data(whole)}")
    return lines


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _printable(text: str) -> str:
    return "".join(one for one in text if one in "\n\t" or one.isprintable())
