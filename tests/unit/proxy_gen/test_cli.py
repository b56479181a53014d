"""The command line: help, errors, exit codes, and the commands that need no program."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from proxy_gen import cli, yaml_text
from proxy_gen.cli import COMMANDS, main
from proxy_gen.errors import Problem, ProblemsError, ProxyGenError


def run(*arguments, **options):
    return CliRunner().invoke(main, [str(one) for one in arguments], **options)


def test_help_lists_every_command_without_importing_one():
    code = (
        "import sys\n"
        "from proxy_gen.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "loaded = [m for m in sys.modules if m.startswith('proxy_gen.commands')]\n"
        "slow = [m for m in ('yaml', 'jsonschema', 'cryptography') if m in sys.modules]\n"
        "sys.exit(f'imported {loaded + slow}' if loaded + slow else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, (_, text) in COMMANDS.items():
        assert name in done.stdout
        assert text in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"proxy-gen {name}" in result.stdout.partition("Example:")[2]


def test_help_documents_exit_codes_and_completion():
    text = run("--help").stdout
    assert "Exit codes: 0 done; 1 the values have problems" in text
    assert "_PROXY_GEN_COMPLETE=bash_source" in text


def test_completion_script(monkeypatch):
    result = run(env={"_PROXY_GEN_COMPLETE": "zsh_source"}, prog_name="proxy-gen")
    assert result.exit_code == 0
    assert "#compdef proxy-gen" in result.stdout


def test_unknown_command_is_suggested():
    result = run("rendr")
    assert result.exit_code == 2
    assert "Did you mean 'render'?" in result.stderr


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ProxyGenError("no disk"), 2, "Error: no disk\n"),
        (
            ProblemsError([Problem("v.yaml", 3, "a.b", "bad", "do it")]),
            1,
            "v.yaml:3: a.b: bad; do it\n1 problem found\n",
        ),
    ],
)
def test_errors_are_messages(monkeypatch, error, code, text):
    @click.command()
    def broken():
        raise error

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: broken)
    result = run("render")
    assert result.exit_code == code
    assert result.stderr == text
    assert result.stdout == ""


def test_no_values_file():
    result = run("validate")
    assert result.exit_code == 2
    assert "no values file was given" in result.stderr


def test_stdin_twice():
    assert "only once" in run("validate", "-", "-f", "-").stderr


def test_bad_yaml_is_exit_1_with_its_line(tmp_path):
    (tmp_path / "v.yaml").write_text("a: 1\na: 2\n")
    result = run("render", tmp_path / "v.yaml")
    assert result.exit_code == 1
    assert f"{tmp_path / 'v.yaml'}:2: a: given twice" in result.stderr


def test_schema_is_json():
    result = run("schema")
    assert result.exit_code == 0
    assert "proxy" in json.loads(result.stdout)["properties"]


class TestSecrets:
    def test_draw_then_keep(self, tmp_path):
        file = tmp_path / "s.yaml"
        first = run("secrets", file)
        assert first.exit_code == 0
        assert "14 drawn, 0 rotated, 0 kept" in first.stderr
        text = file.read_text()
        again = run("secrets", file)
        assert "0 drawn, 0 rotated, 14 kept" in again.stderr
        assert file.read_text() == text
        assert file.stat().st_mode & 0o777 == 0o600

    def test_nothing_secret_is_printed(self, tmp_path):
        file = tmp_path / "s.yaml"
        outputs = [
            run("secrets", file),
            run("secrets", file, "--list"),
            run("secrets", file, "--rotate", "proxy.secretToken"),
        ]
        tree = yaml_text.load(file.read_text())
        for result in outputs:
            assert tree["hub"]["cookieSecret"] not in result.output
            assert tree["proxy"]["secretToken"] not in result.output

    def test_rotate_says_what_to_restart(self, tmp_path):
        file = tmp_path / "s.yaml"
        run("secrets", file, "-q")
        before = yaml_text.load(file.read_text())
        result = run("secrets", file, "--rotate", "hub.cookieSecret")
        assert "rotated hub.cookieSecret; restart: the hub" in result.stderr
        after = yaml_text.load(file.read_text())
        assert after["hub"]["cookieSecret"] != before["hub"]["cookieSecret"]
        assert after["proxy"] == before["proxy"]

    def test_rotate_needs_something_to_rotate(self, tmp_path):
        result = run("secrets", tmp_path / "s.yaml", "--rotate", "hub.cookieSecret")
        assert result.exit_code == 2
        assert "nothing to rotate" in result.stderr
        assert not (tmp_path / "s.yaml").exists()

    def test_names_follow_the_values(self, tmp_path):
        (tmp_path / "v.yaml").write_text("fullnameOverride: x\n")
        run("secrets", tmp_path / "s.yaml", "-f", tmp_path / "v.yaml")
        result = run("secrets", tmp_path / "s.yaml")
        assert "does not name proxy-etcd-0.proxy-etcd" in result.stderr
        assert "--rotate proxy.etcd.tls.server" in result.stderr

    def test_values_of_the_users_are_left_alone(self, tmp_path):
        file = tmp_path / "my-values.yaml"
        file.write_text("# mine\nhub: {}\n")
        result = run("secrets", file)
        assert result.exit_code == 2
        assert "name another file" in result.stderr
        assert file.read_text() == "# mine\nhub: {}\n"
        assert run("secrets", file, "--list").exit_code == 0

    def test_list_shows_names_and_ages(self, tmp_path):
        run("secrets", tmp_path / "s.yaml", "-q")
        lines = run("secrets", tmp_path / "s.yaml", "--list").stdout.splitlines()
        assert lines[0].split() == ["SECRET", "AGE", "EXPIRES", "STATE"]
        assert lines[1].split() == ["hub.cookieSecret", "0", "days", "-", "ok"]
        assert len(lines) == 15


class TestInit:
    def test_questions(self, tmp_path):
        answers = "github\nhub.example.org\nnone\n2G\n3\n5\ny\n"
        result = run("init", tmp_path / "v.yaml", input=answers)
        assert result.exit_code == 0, result.stderr
        assert result.stdout == ""
        data = yaml_text.load((tmp_path / "v.yaml").read_text())
        assert data["proxy"]["etcd"]["replicas"] == 5
        assert data["ingress"]["hosts"] == ["hub.example.org"]

    def test_options_are_not_asked(self, tmp_path):
        result = run("init", tmp_path / "v.yaml", "--login", "oidc", "--defaults", "-q")
        assert (result.exit_code, result.output) == (0, "")
        data = yaml_text.load((tmp_path / "v.yaml").read_text())
        assert "GenericOAuthenticator" in data["hub"]["config"]

    def test_never_overwrites_without_force(self, tmp_path):
        (tmp_path / "v.yaml").write_text("mine")
        result = run("init", tmp_path / "v.yaml", "--defaults")
        assert result.exit_code == 2
        assert "--force" in result.stderr
        assert (tmp_path / "v.yaml").read_text() == "mine"
        assert run("init", tmp_path / "v.yaml", "--defaults", "--force").exit_code == 0

    def test_dummy_login_gets_a_password_that_is_not_printed(self, tmp_path):
        passwords = set()
        for name in ("1.yaml", "2.yaml"):
            result = run("init", tmp_path / name, "--defaults")
            config = yaml_text.load((tmp_path / name).read_text())["hub"]["config"]
            password = config["DummyAuthenticator"]["password"]
            assert len(password) >= 12
            assert password not in result.output
            assert f"{name}, at hub.config.DummyAuthenticator.password" in result.stderr
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
            passwords.add(password)
        assert len(passwords) == 2

    def test_dash_is_the_standard_output(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = run("init", "-", "--defaults")
        assert result.exit_code == 0
        assert yaml_text.load(result.stdout)["hub"]["config"]["DummyAuthenticator"]["password"]
        assert "DummyAuthenticator.password" in result.stderr
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("option", "value"), [("--host", "has space"), ("--memory", "much")])
    def test_bad_answers(self, tmp_path, option, value):
        result = run("init", tmp_path / "v.yaml", option, value, "--defaults")
        assert result.exit_code == 2
        assert "write it like" in result.stderr


def test_diff_needs_something_it_knows(tmp_path):
    result = run("diff", tmp_path / "absent", tmp_path / "absent")
    assert result.exit_code == 2
    assert "neither a values file nor a rendered folder" in result.stderr


def test_diff_of_a_folder_that_is_none(tmp_path):
    result = run("diff", tmp_path, tmp_path)
    assert result.exit_code == 2
    assert "`proxy-gen render` did not write it" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["render", "-o", ""], "it is empty; name a folder"),
        (["edge", "--server", "nginx", "-o", "-"], "name a folder with -o"),
        (["render", "--target", "host", "--address", "nonsense"], "'nonsense' is no address"),
        (["render", "--release", "Bad Name"], "'Bad Name' is no name; use up to 53"),
        (["render", "--namespace", "Bad_NS"], "'Bad_NS' is no name; use up to 63"),
    ],
)
def test_an_option_that_cannot_be(words, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "values.yaml").write_text("{}")
    result = run(*words, "values.yaml")
    assert result.exit_code == 2
    assert says in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["values.yaml"]


def test_validate_for_one_host(tmp_path):
    (tmp_path / "values.yaml").write_text("proxy: {kind: traefik-file}")
    assert run("validate", tmp_path / "values.yaml", "--target", "host").exit_code == 0
    refused = run("validate", tmp_path / "values.yaml")
    assert refused.exit_code == 1
    assert "--target host" in refused.stderr
