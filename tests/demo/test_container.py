"""The container's image has what the demo needs. Building it takes podman and a network, so that is tried by hand."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.networks.files import CARD, FILE, ONNX
from demo.networks.pair import FILES as PAIR

ROOT = Path(__file__).parent.parent.parent
STEPS = (ROOT / "demo" / "Containerfile").read_text().replace("\\\n", "")


def test_it_installs_the_versions_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["mcp"]]
    wanted = {text.partition(";")[0] for text in named if not text.startswith("onnxruntime-gpu")}
    assert set(re.findall(r'"([\w-]+>=[^"]+)"', STEPS)) == wanted


def test_it_copies_the_demo_its_networks_and_their_card() -> None:
    copies = re.findall(r"^COPY (.+) \S+$", STEPS, re.MULTILINE)
    copied = {ROOT / source for sources in copies for source in sources.split()}
    assert copied == {ROOT / "demo", *(ONNX / name for name in (FILE, CARD, *PAIR))}
    for source in copied:
        assert source.exists(), source


@pytest.mark.parametrize("is_up", [True, False])
def test_its_health_check_tells_whether_the_server_answers(
    is_up: bool, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (.+)", STEPS, re.MULTILINE)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("GRADIO_SERVER_PORT", str(urlsplit(address).port) if is_up else "1")
    _, *arguments = json.loads(check)
    assert subprocess.run([sys.executable, *arguments], capture_output=True).returncode == (0 if is_up else 1)
