"""The table of limits in demo/README.md says what demo/limits.py holds."""

import re
from dataclasses import asdict

from demo.limits import Limits
from tests.conftest import ROOT


def shown(name: str, value: float) -> str:
    """A limit as the table writes it."""
    if name.endswith("_seconds"):
        return f"{value} s"
    if not name.endswith("_bytes"):
        return f"{value:,}"
    unit, size = next((unit, size) for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)) if value >= size)
    return f"{value / size:g} {unit}"


def test_the_table_of_limits_is_true_and_whole() -> None:
    readme = (ROOT / "demo" / "README.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", readme, re.MULTILINE))
    assert table == {name: shown(name, value) for name, value in asdict(Limits()).items()}
