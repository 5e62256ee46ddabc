"""An export is verified before it replaces anything, and the card says what was measured."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from export import pipeline
from export.card import TRAINED_BY
from export.verify import VerificationError, verify_image_graph, verify_sketch_graph
from model import InputError
from model.evaluate import load_checkpoint, percent
from model.mnist import Digits
from model.recipes import RECIPES

FILES = ["README.md", "ffnn-sketch.onnx", "ffnn.onnx", "lenet5-sketch.onnx", "lenet5.onnx"]


pytestmark = pytest.mark.usefixtures("few_digits")


@pytest.fixture(scope="module")
def exported(checkpoints: Path, few_digits: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    pipeline.export(["lenet5", "ffnn"], None, checkpoints, folder)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def hundred(digits: tuple[np.ndarray, np.ndarray]) -> Digits:
    return Digits(digits[0][:100], digits[1][:100])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_writes_four_graphs_and_their_card(exported: Path, checkpoints: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == FILES
    card = (exported / "README.md").read_text()
    for name in FILES[1:]:
        assert f"`{name}`" in card
    assert card.count(percent(json.loads((checkpoints / "lenet5.json").read_text())["test"])) >= 2
    assert "Recipe `best` trains on" in card
    assert "Recipe `notebook` is that of" in card
    assert "[[" not in card
    assert "`python -m export verify` runs them in other runtimes" in card


@pytest.mark.parametrize("name", ["lenet5", "ffnn"])
def test_nodes_and_weights_are_named_after_their_layers(name: str, exported: Path, checkpoints: Path) -> None:
    """tf2onnx has no public way to tell; it keeps TensorFlow's scopes in the names of its nodes."""
    layers = {layer.name for layer in keras.saving.load_model(checkpoints / f"{name}.keras").layers if layer.weights}
    for file in (f"{name}.onnx", f"{name}-sketch.onnx"):
        graph = onnx.load(exported / file).graph
        assert layers == {tensor.name.split("/")[0] for tensor in graph.initializer if tensor.name.endswith("/weight")}
        computing = {node.name.split("/")[0] for node in graph.node if node.op_type in ("Conv", "Gemm")}
        assert layers <= computing | {"probabilities"}, computing


def test_exported_again_one_network_is_the_same_to_the_byte_and_the_card_describes_both(
    copy: Path, checkpoints: Path
) -> None:
    before = contents(copy)
    pipeline.export(["lenet5"], None, checkpoints, copy)
    assert contents(copy) == before
    assert "`ffnn.onnx`" in (copy / "README.md").read_text()


def test_names_the_data_that_each_network_was_trained_on(exported: Path) -> None:
    for name, data in (("lenet5", "MNIST (CC BY-SA 3.0), UCI Pendigits (CC BY 4.0)"), ("ffnn", "MNIST (CC BY-SA 3.0)")):
        metadata = {entry.key: entry.value for entry in onnx.load(exported / f"{name}.onnx").metadata_props}
        assert metadata["training_data"] == data


def test_the_card_knows_every_recipe() -> None:
    assert set(TRAINED_BY) == {recipe for recipes in RECIPES.values() for recipe in recipes}


def test_a_graph_that_fails_verification_replaces_nothing(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(copy)
    monkeypatch.setattr("export.verify.TOLERANCE", {"image": 0.0, "sketch": 0.0})
    with pytest.raises(InputError, match=r"lenet5\.onnx is not replaced: .*differs from Keras"):
        pipeline.export(["lenet5", "ffnn"], None, checkpoints, copy)
    assert contents(copy) == before


def test_an_accuracy_that_the_graph_does_not_have_is_not_written(copy: Path, checkpoints: Path, tmp_path: Path) -> None:
    before = contents(copy)
    boasting = tmp_path / "boasting"
    shutil.copytree(checkpoints, boasting)
    story = json.loads((boasting / "lenet5.json").read_text())
    story["test"]["accuracy"] = 0.9999
    (boasting / "lenet5.json").write_text(json.dumps(story))
    with pytest.raises(InputError, match="Run python -m model evaluate lenet5 first"):
        pipeline.export(["lenet5"], None, boasting, copy)
    assert contents(copy) == before


def test_a_damaged_file_of_the_other_network_stops_the_export_before_it_starts(copy: Path, checkpoints: Path) -> None:
    (copy / "ffnn.onnx").write_bytes((copy / "ffnn.onnx").read_bytes()[:5_000])
    before = contents(copy)
    with pytest.raises(InputError, match=r"ffnn\.onnx is not the checkpoint's \(python -m export all"):
        pipeline.export(["lenet5"], None, checkpoints, copy)
    assert contents(copy) == before


def test_without_a_test_accuracy_it_names_the_command(checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path, dirs_exist_ok=True)
    story = json.loads((tmp_path / "lenet5.json").read_text())
    del story["test"]
    (tmp_path / "lenet5.json").write_text(json.dumps(story))
    with pytest.raises(InputError, match="python -m model evaluate lenet5"):
        pipeline.export(["lenet5"], None, tmp_path, tmp_path / "onnx")


def test_verification_notices_another_network(exported: Path, hundred: Digits, checkpoints: Path) -> None:
    other = load_checkpoint("lenet5", checkpoints)
    other.set_weights([weight * 1.01 for weight in other.get_weights()])
    with pytest.raises(VerificationError, match="differs from Keras"):
        verify_image_graph(exported / "lenet5.onnx", other, hundred)


@pytest.mark.parametrize("kind", ["", "-sketch"])
def test_verification_notices_a_leftover_name_and_a_stray_opset(
    kind: str, exported: Path, hundred: Digits, checkpoints: Path, tmp_path: Path
) -> None:
    network = load_checkpoint("ffnn", checkpoints)
    verify = verify_sketch_graph if kind else verify_image_graph
    model = onnx.load(exported / f"ffnn{kind}.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "unk__7"
    onnx.save(model, tmp_path / "renamed.onnx")
    with pytest.raises(VerificationError, match="unk__7"):
        verify(tmp_path / "renamed.onnx", network, hundred)

    model = onnx.load(exported / f"ffnn{kind}.onnx")
    model.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 2))
    onnx.save(model, tmp_path / "imports.onnx")
    with pytest.raises(VerificationError, match="opsets"):
        verify(tmp_path / "imports.onnx", network, hundred)


def test_an_error_is_one_line_and_no_traceback(tmp_path: Path, data_folder: Path) -> None:
    folders = ["--checkpoints", tmp_path, "--output", tmp_path, "--data", data_folder]
    failed = subprocess.run([sys.executable, "-m", "export", *map(str, folders)], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "python -m model train lenet5" in failed.stderr.splitlines()[-1]


ROW = {"runtime": "Abacus", "version": "1", "file": "lenet5.onnx", "difference": 2e-6, "same": 9, "count": 9}
ROW |= {"milliseconds": 0.5, "latency": 5.0, "per_second": 2_000.0, "throughput": 0.1}
REFUSED = {"runtime": "Slide rule", "version": "2", "file": "ffnn.onnx", "refused": "no Gemm"}
MISSING = {"runtime": "Oracle", "version": "", "file": "ffnn.onnx", "missing": "No package oracle"}


def test_what_other_runtimes_say_is_kept_in_the_card_while_the_files_stay(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "survey", lambda networks, digits: iter([ROW, REFUSED, MISSING]))
    pipeline.verify(None, checkpoints, copy)
    rows = [
        "| Abacus 1 | `lenet5.onnx` | 2e-06 | 9 of 9 | 0.50 ms, 5 x | 2,000, 0.1 x |",
        "| Slide rule 2 | `ffnn.onnx` | cannot: no Gemm | | | |",
    ]
    card = (copy / "README.md").read_text()
    assert all(row in card for row in rows)
    assert "Oracle" not in card
    assert "not installed: No package oracle" in capsys.readouterr().out

    pipeline.export(["lenet5"], None, checkpoints, copy)
    assert (copy / "README.md").read_text() == card

    model = onnx.load(copy / "ffnn.onnx")
    model.producer_name = "another"
    onnx.save(model, copy / "ffnn.onnx")
    pipeline.export(["lenet5"], None, checkpoints, copy)
    card = (copy / "README.md").read_text()
    assert rows[0] in card
    assert rows[1] not in card


def test_another_answer_is_an_error_after_all_have_run(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "survey", lambda networks, digits: iter([ROW | {"same": 8}, REFUSED]))
    with pytest.raises(InputError, match=r"Not what Keras reads: lenet5\.onnx in Abacus$"):
        pipeline.verify(None, checkpoints, copy)
    assert "8 of 9" in (copy / "README.md").read_text()
    assert "no Gemm" in (copy / "README.md").read_text()


def test_an_opset_that_nobody_knows_is_an_error_that_names_the_file(copy: Path, checkpoints: Path) -> None:
    model = onnx.load(copy / "lenet5.onnx")
    model.opset_import[0].version = 99
    onnx.save(model, copy / "lenet5.onnx")
    before = contents(copy)
    with pytest.raises(InputError, match=r"lenet5\.onnx is not the checkpoint's"):
        pipeline.verify(None, checkpoints, copy)
    assert contents(copy) == before


def test_a_missing_file_or_a_folder_that_cannot_be_written_is_an_error(checkpoints: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no .*lenet5\.onnx: python -m export lenet5 makes it"):
        pipeline.verify(None, checkpoints, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        pipeline.export(["lenet5"], None, checkpoints, tmp_path / "file")
