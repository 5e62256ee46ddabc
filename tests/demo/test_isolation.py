"""No stage imports a later one (model, export, demo), and the demo needs only its base dependencies."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
FORBIDDEN = {
    "model": {"export", "demo"},
    "export": {"demo"},
    "demo": {"model", "export", "keras", "tensorflow", "tf2onnx", "onnx"},
}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_stage_imports_no_forbidden_package(package: str) -> None:
    for file in (ROOT / package).rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
        assert not imported & FORBIDDEN[package], file


def base_distributions() -> set[str]:
    """Names of the project's base dependencies and of all their dependencies."""
    names: set[str] = set()
    todo = ["handwritten-digits"]
    while todo:
        name = todo.pop().lower().replace("_", "-").replace(".", "-")
        if name in names:
            continue
        names.add(name)
        try:
            needed = [Requirement(text) for text in requires(name) or []]
        except ModuleNotFoundError:
            continue
        todo += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return names


@pytest.mark.server
def test_the_demo_answers_with_its_base_dependencies_alone() -> None:
    base = base_distributions()
    blocked = [
        module
        for module, distributions in packages_distributions().items()
        if not {name.lower().replace("_", "-").replace(".", "-") for name in distributions} & base
    ]
    assert {"tensorflow", "keras", "matplotlib", "pytest"} <= set(blocked)
    script = f"""
import sys
for module in {blocked!r}: sys.modules[module] = None
import numpy as np
from demo.app import create_app
from demo.networks.classifier import load
from demo.limits import Limits
classifier = load("cpu")
create_app(classifier, None, False, Limits())
sketch = np.zeros((280, 280), np.uint8)
sketch[60:220, 130:150] = 255
print(classifier.classify(sketch).number)
print(sorted(name for name in ("tensorflow", "keras", "model", "export") if sys.modules.get(name)))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["1", "[]"]
