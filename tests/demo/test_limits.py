"""The table of limits in demo/README.md agrees with demo/limits.py."""

import re
from dataclasses import asdict
from pathlib import Path

import demo
from demo.limits import Limits


def shown(name: str, value: float) -> str:
    """Format a limit as in the table."""
    if name.endswith("_seconds"):
        return f"{value} s"
    if not name.endswith("_bytes"):
        return f"{value:,}"
    unit, size = next((unit, size) for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)) if value >= size)
    return f"{value / size:g} {unit}"


def test_the_table_holds_every_limit_with_its_value() -> None:
    readme = (Path(demo.__file__).parent / "README.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", readme, re.MULTILINE))
    assert table == {name: shown(name, value) for name, value in asdict(Limits()).items()}
