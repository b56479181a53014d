"""Names of temporary users."""

import re

import pytest

from jupyterhub_ha.tmpnb_names import BITS, is_temporary, new_name


def test_names_differ_fit_everywhere_and_cannot_be_guessed():
    names = {new_name() for _ in range(1000)}
    assert len(names) == 1000
    # A pod's name, a label's value and a part of a DNS name, without any escaping.
    assert all(re.fullmatch(r"[a-z][a-z0-9]{0,61}[a-z0-9]", name) for name in names)
    assert all(is_temporary(name) for name in names)
    assert BITS >= 120


@pytest.mark.parametrize("name", ["", "ada", "a" * 24, "a" * 26, "1" + "a" * 24, "A" + "a" * 24])
def test_other_users_are_not_taken_for_temporary(name):
    assert not is_temporary(name)
