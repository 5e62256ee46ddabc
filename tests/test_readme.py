"""The README is true as printed."""

import json
import re

import pytest

from model.evaluate import percent
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_its_python_runs_as_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    snippet = README.split("```python\n")[1].split("```")[0]
    assert len(snippet.splitlines()) == 6
    exec(snippet, {})
    assert capsys.readouterr().out.strip() == "1"


@pytest.mark.parametrize("name", ["lenet5", "ffnn"])
def test_its_table_says_what_was_measured(name: str) -> None:
    story = json.loads((ROOT / "model" / "checkpoints" / f"{name}.json").read_text())
    file = ROOT / "export" / "onnx" / f"{name}.onnx"
    row = next(line for line in README.splitlines() if f"`{file.name}`" in line)
    assert f"{story['parameters']:,}" in row
    assert percent(story["test"]) in row
    assert percent(story["pens"][0]) in row
    assert f"{file.stat().st_size / 1e6:.2f} MB" in row


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
