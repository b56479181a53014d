"""What several tests of the generator need."""

import pytest

from proxy_gen import secrets, yaml_text


@pytest.fixture(scope="session")
def secrets_file(tmp_path_factory):
    """Secrets as `proxy-gen secrets` draws them."""
    file = tmp_path_factory.mktemp("secrets") / "secrets.yaml"
    file.write_text(yaml_text.dump(secrets.draw()))
    return file
