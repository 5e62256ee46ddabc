import re
import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """`python -m demo`, started as a user starts it; gives the address it prints."""
    command = [sys.executable, "-m", "demo", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        found = re.search(r"http://\S+", greeting)
        assert found, greeting + process.stdout.read()
        yield found[0]
        process.terminate()
