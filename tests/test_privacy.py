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


@pytest.mark.parametrize("module", ["demo", "export", "model"])
def test_nothing_is_left_at_home(module: str, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [sys.executable, "-c", OPEN.format(module=module)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_demo_looks_nothing_up(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    watched = ["strace", "-f", "-o", str(trace), "-e", "trace=openat,connect", sys.executable, "-m", "demo"]
    with subprocess.Popen(watched, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("Draw at")
        process.terminate()
    calls = trace.read_text()
    assert "libonnxruntime" in calls or "onnxruntime_pybind11_state" in calls
    assert not re.search(r"/etc/resolv\.conf|nscd|htons\((?!0\))", calls)
