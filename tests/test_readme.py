"""The README's code runs, its table holds the measured values, and its links are not broken."""

import re
from pathlib import Path

import pytest

from model import CHECKPOINTS
from model.record import TrainingRecord
from tests.benchmarks.__main__ import NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [
    "README.md",
    ".github/CONTRIBUTING.md",
    *(f"{folder}/README.md" for folder in ("model", "export", "export/onnx", "demo", "tests")),
]


def test_the_python_snippet_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    snippet = README.split("```python\n")[1].split("```")[0]
    assert len(snippet.splitlines()) == 6
    exec(snippet, {})
    assert capsys.readouterr().out.strip() == "[1]"


@pytest.mark.parametrize("name", ["lenet5", "ffnn"])
def test_the_table_holds_the_measured_values(name: str) -> None:
    record = TrainingRecord.load(CHECKPOINTS / f"{name}.json")
    file = ROOT / "export" / "onnx" / f"{name}.onnx"
    row = next(line for line in README.splitlines() if f"`{file.name}`" in line)
    assert f"{record.parameters:,}" in row
    assert str(record.test) in row
    assert record.pens
    assert str(record.pens[0]) in row
    assert f"{file.stat().st_size / 1e6:.2f} MB" in row


def test_the_table_of_benchmarks_names_all() -> None:
    table = (ROOT / "tests" / "README.md").read_text().partition("## Benchmarks")[2]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == NAMES


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file_and_its_heading(page: str) -> None:
    text = (ROOT / page).read_text()
    for path, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        assert not heading or heading in headings(target), f"{path}#{heading}"
