"""An export is verified before it replaces anything, and the card says what was measured."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from export import pipeline
from export.verify import VerificationError, verify_image_graph, verify_sketch_graph
from model import InputError
from model.evaluate import load_checkpoint
from model.mnist import Digits

FILES = ["README.md", "ffnn-sketch.onnx", "ffnn.onnx", "lenet5-sketch.onnx", "lenet5.onnx"]


pytestmark = pytest.mark.usefixtures("few_digits")


@pytest.fixture(scope="module")
def exported(checkpoints: Path, mnist_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    pipeline.export(["lenet5", "ffnn"], mnist_folder, checkpoints, folder)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def few(digits: tuple[np.ndarray, np.ndarray]) -> Digits:
    return Digits(digits[0][:100], digits[1][:100])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_writes_four_graphs_and_their_card(exported: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == FILES
    card = (exported / "README.md").read_text()
    for name in FILES[1:]:
        assert f"`{name}`" in card
    assert "10.00 ± 0.30 %" in card
    assert "{" not in card.replace('{"sketch": sketch}', "")


def test_one_network_alone_leaves_the_other_and_describes_both(copy: Path, checkpoints: Path) -> None:
    before = contents(copy)
    pipeline.export(["lenet5"], None, checkpoints, copy)
    assert contents(copy)["ffnn.onnx"] == before["ffnn.onnx"]
    assert "`ffnn.onnx`" in (copy / "README.md").read_text()


def test_a_graph_that_fails_verification_replaces_nothing(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(copy)
    monkeypatch.setattr("export.verify.TOLERANCE", {"probabilities": 0.0, "image": 0.0})
    with pytest.raises(InputError, match=r"lenet5\.onnx is not replaced: .*differs from Keras"):
        pipeline.export(["lenet5"], None, checkpoints, copy)
    assert contents(copy) == before


def test_without_a_test_accuracy_it_names_the_command(checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path, dirs_exist_ok=True)
    story = json.loads((tmp_path / "lenet5.json").read_text())
    del story["test"]
    (tmp_path / "lenet5.json").write_text(json.dumps(story))
    with pytest.raises(InputError, match="python -m model evaluate lenet5"):
        pipeline.export(["lenet5"], None, tmp_path, tmp_path / "onnx")


def test_verification_notices_another_network(exported: Path, few: Digits, checkpoints: Path) -> None:
    other = load_checkpoint("lenet5", checkpoints)
    other.set_weights([weight * 1.01 for weight in other.get_weights()])
    with pytest.raises(VerificationError, match="differs from Keras"):
        verify_image_graph(exported / "lenet5.onnx", other, few)


@pytest.mark.parametrize("kind", ["", "-sketch"])
def test_verification_notices_a_leftover_name_and_a_wrong_opset(
    kind: str, exported: Path, few: Digits, checkpoints: Path, tmp_path: Path
) -> None:
    network = load_checkpoint("ffnn", checkpoints)
    verify = verify_sketch_graph if kind else verify_image_graph
    model = onnx.load(exported / f"ffnn{kind}.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "unk__7"
    onnx.save(model, tmp_path / "renamed.onnx")
    with pytest.raises(VerificationError, match="unk__7"):
        verify(tmp_path / "renamed.onnx", network, few)
    model.opset_import[0].version = 18
    onnx.save(model, tmp_path / "newer.onnx")
    with pytest.raises((VerificationError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError)):
        verify(tmp_path / "newer.onnx", network, few)


def test_an_error_is_one_line_and_no_traceback(tmp_path: Path, mnist_folder: Path) -> None:
    folders = ["--checkpoints", tmp_path, "--output", tmp_path, "--data", mnist_folder]
    failed = subprocess.run([sys.executable, "-m", "export", *map(str, folders)], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "python -m model train lenet5" in failed.stderr.splitlines()[-1]
