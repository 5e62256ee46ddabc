"""Nothing is looked up on other hosts and nothing is left at home: ONNX Runtime's telemetry is off."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.server]

OPEN = "import time, {module}, onnxruntime; onnxruntime.InferenceSession('export/onnx/ffnn.onnx'); time.sleep(1)"
START = """
import time
from demo.app import create_app
from demo.limits import Limits
from demo.networks.classifier import load
create_app(load("cpu"), None, False, Limits())
time.sleep(2)
"""


STRACE = ["strace", "-f", "--seccomp-bpf", "-e", "trace=openat,connect", "-o"]


def can_trace() -> bool:
    return shutil.which("strace") is not None and not subprocess.run([*STRACE, os.devnull, "true"]).returncode


@pytest.mark.parametrize("module", ["demo", "export", "model"])
def test_nothing_is_left_at_home(module: str, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [sys.executable, "-c", OPEN.format(module=module)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace here")
def test_the_demo_looks_nothing_up(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([*STRACE, str(trace), sys.executable, "-c", START], env=environment, check=True, timeout=60)
    calls = trace.read_text()
    assert "onnxruntime_pybind11_state" in calls
    assert not re.findall(r".*(?:/etc/resolv\.conf|nscd|htons).*", calls)
