"""Helm's version, and what is said when it is missing."""

import os
import time

import pytest

from proxy_gen import helm, tools
from proxy_gen.errors import ToolError


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.22.0+g1234567\n", (3, 22)),
        ("v3.22", (3, 22)),
        ("v4.0.0", (4, 0)),
        ("nonsense", None),
        ("", None),
    ],
)
def test_versions(text, version):
    assert helm.parse_version(text) == version


@pytest.mark.parametrize("text", ["v3.15.4", "v2.17.0", ""])
def test_old_versions_are_refused_with_the_cure(tmp_path, text):
    with pytest.raises(ToolError, match=r"too old for this chart; install helm 3\.16"):
        helm.refuse_old(tmp_path / "helm", text)


def test_new_versions_pass(tmp_path):
    for text in ("v3.16.0", "v3.22.0", "v4.1.0"):
        helm.refuse_old(tmp_path / "helm", text)
        assert helm.parse_version(text) >= helm.MINIMUM


def test_tools_are_found_by_variable_then_path(tmp_path, monkeypatch):
    program = tmp_path / "some-tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.find_tool("some-tool") == program
    other = tmp_path / "other"
    program.rename(other)
    monkeypatch.setenv("PROXY_GEN_SOME_TOOL", str(other))
    assert tools.find_tool("some-tool") == other


def test_missing_tools_are_told_with_the_cure(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"not installed; .* in \$PROXY_GEN_SOME_TOOL"):
        tools.find_tool("some-tool")
    monkeypatch.setenv("PROXY_GEN_HELM", str(tmp_path / "nothing"))
    with pytest.raises(ToolError, match="PROXY_GEN_HELM"):
        tools.find_tool("helm")


OLD_HELM = """\
#!/bin/sh
[ "$1" = version ] && echo v3.12.0+gabc && exit
cat > /dev/null
echo "Error: unknown flag: --skip-schema-validation" >&2
exit 1
"""


def test_old_helm_is_told_when_it_knows_no_flag(tmp_path, monkeypatch):
    program = tmp_path / "helm"
    program.write_text(OLD_HELM)
    program.chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_HELM", str(program))
    with (
        helm.Template(tmp_path, "{}", helm.Release()) as template,
        pytest.raises(ToolError, match=r"v3\.12\.0\+gabc is too old"),
    ):
        template.result()


def test_running_helm_is_stopped_when_it_is_not_needed(tmp_path, monkeypatch):
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_HELM", str(program))
    with helm.Template(tmp_path, "{}", helm.Release()):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
