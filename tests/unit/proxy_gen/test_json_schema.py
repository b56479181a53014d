"""jsonschema without the second that its optional checkers cost."""

import subprocess
import sys

CODE = """
import sys
from proxy_gen import json_schema
validator = json_schema.validator({"type": "object", "required": ["a"]})
print([error.message for error in validator.iter_errors({})])
slow = [name for name in ("rfc3987_syntax", "lark", "isoduration") if name in sys.modules]
print(slow)
"""


def test_slow_checkers_are_not_loaded():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[\"'a' is a required property\"]", "[]"]
