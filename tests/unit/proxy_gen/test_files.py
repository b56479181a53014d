"""Files are there as a whole or not at all."""

import os

import pytest

from proxy_gen.errors import OutputError
from proxy_gen.files import write_atomically


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("content", ["text\n", b"bytes\n"])
def test_content_and_mode(tmp_path, content, durable):
    file = tmp_path / "f"
    file.write_text("former")
    write_atomically(file, content, mode=0o600, durable=durable)
    assert file.read_bytes() in (b"text\n", b"bytes\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["f"]


def test_failure_leaves_the_former_and_no_trace(tmp_path):
    (tmp_path / "f").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_atomically(tmp_path / "f", "x")
    assert os.listdir(tmp_path) == ["f"]


def test_missing_folder(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        write_atomically(tmp_path / "absent" / "f", "x")
