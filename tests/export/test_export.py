"""An export is verified before it replaces a file, and the card holds the measured figures."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tf2onnx

from export import ONNX, export_command, pipeline
from export.__main__ import main
from export.card import RECIPES_TOLD
from export.contract import IMAGE, KINDS, READER_FILE, Kind
from export.convert import metadata_of, to_onnx, training_data
from export.measurements import RuntimeRow
from export.reader import metadata_of as reader_metadata
from export.verify import VerificationError, numbers, verify, verify_reader
from model import CHECKPOINTS, InputError
from model.mnist import Digits
from model.networks import NETWORKS, load_trained, predict
from model.reader import Reading, read
from model.reader.cuts import Networks
from model.recipes import RECIPES
from model.record import TrainingRecord
from model.scores import Score, score
from tests.stand_ins import few_digits, record

FILES = ["README.md", "ffnn-sketch.onnx", "ffnn.onnx", "lenet5-sketch.onnx", "lenet5.onnx", "reader.onnx"]


pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("few_data")]


@pytest.fixture(scope="session")
def checkpoints(digits: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed networks, with other records that an export needs."""
    folder = tmp_path_factory.mktemp("checkpoints")
    images, labels = few_digits(digits)[1]
    for name, recipe in (("lenet5", "best"), ("ffnn", "notebook")):
        shutil.copy(CHECKPOINTS / f"{name}.keras", folder)
        test = score("MNIST test", predict(load_trained(name), images).argmax(axis=1), labels)
        replace(record(name, recipe), test=replace(test, calibration_error=0.01)).save(folder / f"{name}.json")
    return folder


def change_test_score(folder: Path, name: str, test: Score | None) -> None:
    path = folder / f"{name}.json"
    replace(TrainingRecord.load(path), test=test).save(path)


@pytest.fixture(scope="module", autouse=True)
def brief_verification() -> Iterator[None]:
    """Verify with one batch size, one canvas and eight numbers: what more of them find is for real exports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.verify.BATCHES", (1_000,))
        patch.setattr("export.verify.CANVASES", ((28, 28),))
        patch.setattr("export.verify.numbers", lambda images: numbers(images[:8]))
        yield


@pytest.fixture(scope="module")
def exported(
    checkpoints: Path, few_data: None, brief_verification: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    pipeline.export(["lenet5", "ffnn"], (), checkpoints, folder)
    return folder


@pytest.fixture(autouse=True)
def brief_export(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert the graphs only once, which takes half a minute, for `exported`."""
    monkeypatch.setattr(pipeline, "_export_reader", lambda *arguments: None)
    monkeypatch.setattr(pipeline, "to_onnx", lambda network, kind, _: onnx.load(exported / kind.file(network.name)))


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def hundred(digits: tuple[np.ndarray, np.ndarray]) -> Digits:
    return Digits(digits[0][:100], digits[1][:100])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_an_export_writes_five_graphs_and_their_card(exported: Path, checkpoints: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == FILES
    card = (exported / "README.md").read_text()
    for name in FILES[1:]:
        assert f"`{name}`" in card
    assert card.count(str(TrainingRecord.load(checkpoints / "lenet5.json").test)) >= 2
    assert "Recipe `best` trains on" in card
    assert "Recipe `notebook` is that of" in card
    assert "[[" not in card
    assert "`python -m export verify` runs" in card
    assert "largest difference |" not in card


def test_the_card_leaves_out_what_was_not_measured_of_its_files(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    for words in ("Smaller files", "| drawn |", "pen 20 pixels wide", "drew", "usually an unsure one"):
        assert words not in card
    assert "still pass.\n\n## When an answer counts" in card
    assert "The page calls an answer below nine tenths unsure.\n\n## Training" in card


def test_the_card_of_corrected_checkpoints_counts_the_corrections_and_the_seconds(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "to_onnx", to_onnx)
    corrected = copy / "corrected"
    shutil.copytree(checkpoints, corrected)
    former = TrainingRecord.load(corrected / "ffnn.json")
    replace(former, corrections=3, seconds=41.7, foundation_seconds=720.0).save(corrected / "ffnn.json")
    pipeline.export(["ffnn"], (), corrected, copy)
    took = "12 minutes for its foundation, then 42 seconds, a machine"
    assert f"| `notebook`, seed 0, 3 corrected drawings | 1 of 1 | {took} |" in (copy / "README.md").read_text()
    metadata = {entry.key: entry.value for entry in onnx.load(copy / "ffnn.onnx").metadata_props}
    assert metadata["training_data"] == "MNIST (CC BY-SA 3.0), 3 corrected drawings"


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ([], ONNX),
        (["--checkpoints", "mine"], Path("mine/onnx")),
        (["--checkpoints", str(CHECKPOINTS)], ONNX),
        (["--checkpoints", "mine", "--output", "there"], Path("there")),
    ],
)
def test_an_export_of_other_checkpoints_is_written_beside_them(
    options: list[str], output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs: list[Path] = []
    monkeypatch.setattr(pipeline, "export", lambda names, data, checkpoints, output: outputs.append(output))
    monkeypatch.setattr("sys.argv", ["python -m export", *options])
    main()
    assert outputs == [output]
    hint = f"python -m demo --onnx {output} opens the sketchpad on these files.\n"
    assert capsys.readouterr().out == ("" if output == ONNX else hint)


@pytest.mark.parametrize(
    ("folder", "output", "options"),
    [
        (CHECKPOINTS, ONNX, ""),
        (CHECKPOINTS, Path("there"), " --output there"),
        (Path("mine"), Path("mine/onnx"), " --checkpoints mine"),
        (Path("mine"), ONNX, f" --checkpoints mine --output {ONNX}"),
    ],
)
def test_the_command_in_an_error_writes_the_folder_in_question(folder: Path, output: Path, options: str) -> None:
    assert export_command("ffnn", folder, output) == f"python -m export ffnn{options}"


@pytest.mark.parametrize("name", ["lenet5", "ffnn"])
def test_nodes_and_weights_are_named_after_their_layers(name: str, exported: Path, checkpoints: Path) -> None:
    """tf2onnx has no public API for that; it keeps TensorFlow's scopes in the names of its nodes."""
    layers = {layer.name for layer in keras.saving.load_model(checkpoints / f"{name}.keras").layers if layer.weights}
    for kind in KINDS:
        graph = onnx.load(exported / kind.file(name)).graph
        assert layers == {tensor.name.split("/")[0] for tensor in graph.initializer if tensor.name.endswith("/weight")}
        computing = {node.name.split("/")[0] for node in graph.node if node.op_type in ("Conv", "Gemm")}
        assert layers <= computing | {"probabilities"}, computing


def test_exporting_one_network_again_changes_no_byte_and_the_card_describes_both(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "to_onnx", to_onnx)
    before = contents(copy)
    pipeline.export(["lenet5"], (), checkpoints, copy)
    assert contents(copy) == before
    assert "`ffnn.onnx`" in (copy / "README.md").read_text()


def test_the_metadata_name_the_training_data_of_each_network(exported: Path) -> None:
    pens = "UCI Pendigits (CC BY 4.0), UJI Pen Characters 2 (CC BY 4.0)"
    for name, data in (("lenet5", f"MNIST (CC BY-SA 3.0), {pens}"), ("ffnn", "MNIST (CC BY-SA 3.0)")):
        metadata = {entry.key: entry.value for entry in onnx.load(exported / f"{name}.onnx").metadata_props}
        assert metadata["training_data"] == data


def test_the_training_data_name_only_the_pens_that_a_recipe_uses() -> None:
    trained = record("lenet5")
    without_uji = replace(trained, recipe=replace(trained.recipe, uji_copies=0), corrections=3)
    assert training_data(without_uji) == "MNIST (CC BY-SA 3.0), UCI Pendigits (CC BY 4.0), 3 corrected drawings"


def test_the_card_has_a_note_on_every_recipe() -> None:
    assert set(RECIPES_TOLD) == {recipe for recipes in RECIPES.values() for recipe in recipes} | {"tune"}


def test_a_graph_that_fails_verification_replaces_nothing(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(copy)
    monkeypatch.setattr(pipeline, "KINDS", [replace(kind, tolerance=0.0) for kind in KINDS])
    with pytest.raises(InputError, match=r"lenet5\.onnx is not replaced: .*differs from Keras"):
        pipeline.export(["lenet5", "ffnn"], (), checkpoints, copy)
    assert contents(copy) == before


def test_an_accuracy_that_the_graph_does_not_reach_is_not_written(
    copy: Path, checkpoints: Path, tmp_path: Path
) -> None:
    before = contents(copy)
    exaggerated = tmp_path / "exaggerated"
    shutil.copytree(checkpoints, exaggerated)
    test = TrainingRecord.load(exaggerated / "lenet5.json").test
    assert test
    change_test_score(exaggerated, "lenet5", replace(test, accuracy=0.9999))
    with pytest.raises(InputError, match=r"Run python -m model evaluate lenet5 --checkpoints .*exaggerated first"):
        pipeline.export(["lenet5"], (), exaggerated, copy)
    assert contents(copy) == before


def test_a_damaged_file_of_the_other_network_stops_the_export_before_it_starts(copy: Path, checkpoints: Path) -> None:
    (copy / "ffnn.onnx").write_bytes((copy / "ffnn.onnx").read_bytes()[:5_000])
    before = contents(copy)
    with pytest.raises(InputError, match=r"ffnn\.onnx does not match the checkpoint \(python -m export all"):
        pipeline.export(["lenet5"], (), checkpoints, copy)
    assert contents(copy) == before


def test_the_error_for_a_missing_test_accuracy_names_the_command(checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path, dirs_exist_ok=True)
    change_test_score(tmp_path, "lenet5", None)
    with pytest.raises(InputError, match="python -m model evaluate lenet5"):
        pipeline.export(["lenet5"], (), tmp_path, tmp_path / "onnx")


def test_verification_fails_for_another_network(exported: Path, hundred: Digits, checkpoints: Path) -> None:
    other = load_trained("lenet5", checkpoints)
    other.set_weights([weight * 1.01 for weight in other.get_weights()])
    with pytest.raises(VerificationError, match="differs from Keras"):
        verify(exported / "lenet5.onnx", IMAGE, other, hundred)


def test_verification_of_the_reader_fails_for_other_answers_and_other_places(
    exported: Path, hundred: Digits, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = {name: load_trained(name, checkpoints) for name in ("lenet5", "ffnn")}
    assert verify_reader(exported / "reader.onnx", networks, hundred)
    swapped = dict(reversed(networks.items()))
    with pytest.raises(VerificationError, match="probabilities of a number differs"):
        verify_reader(exported / "reader.onnx", swapped, hundred)

    def a_pixel_to_the_right(sketch: np.ndarray, judges: Networks) -> Reading:
        reading = read(sketch, judges)
        reading.boxes[:, [0, 2]] += 1
        return reading

    monkeypatch.setattr("model.reader.read", a_pixel_to_the_right)
    with pytest.raises(VerificationError, match="boxes of a number differs"):
        verify_reader(exported / "reader.onnx", networks, hundred)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.input)
def test_verification_fails_for_a_leftover_name_and_for_an_extra_opset(
    kind: Kind, exported: Path, hundred: Digits, checkpoints: Path, tmp_path: Path
) -> None:
    network = load_trained("ffnn", checkpoints)
    model = onnx.load(exported / kind.file("ffnn"))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "unk__7"
    onnx.save(model, tmp_path / "renamed.onnx")
    with pytest.raises(VerificationError, match="unk__7"):
        verify(tmp_path / "renamed.onnx", kind, network, hundred)

    model = onnx.load(exported / kind.file("ffnn"))
    model.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 2))
    onnx.save(model, tmp_path / "imports.onnx")
    with pytest.raises(VerificationError, match="opsets"):
        verify(tmp_path / "imports.onnx", kind, network, hundred)


def test_an_error_prints_one_line_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["python -m export", "--checkpoints", str(tmp_path), "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^python -m export: .*lenet5\.keras is missing: python"):
        main()


def test_the_error_for_a_missing_checkpoint_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m model train lenet5"):
        pipeline.export(["lenet5"], (), tmp_path, tmp_path)


ROW = RuntimeRow(
    "Abacus", "lenet5.onnx", "1", 2e-6, 9, 9, milliseconds=0.5, latency=5.0, per_second=2e3, throughput=0.1
)
REFUSED = RuntimeRow("Slide rule", "ffnn.onnx", "2", refused="no Gemm")
MISSING = RuntimeRow("Oracle", "ffnn.onnx", missing="No package oracle")


def test_the_card_keeps_the_row_of_a_runtime_as_long_as_its_file_is_unchanged(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "survey", lambda *_: iter([ROW, REFUSED, MISSING]))
    pipeline.survey_runtimes((), checkpoints, copy)
    rows = [
        "| Abacus 1 | `lenet5.onnx` | 2e-06 | 9 of 9 | 0.50 ms, 5 x | 2,000, 0.1 x |",
        "| Slide rule 2 | `ffnn.onnx` | cannot: no Gemm | | | |",
    ]
    card = (copy / "README.md").read_text()
    assert all(row in card for row in rows)
    assert "Oracle" not in card
    assert "not installed: No package oracle" in capsys.readouterr().out

    pipeline.export(["lenet5"], (), checkpoints, copy)
    assert (copy / "README.md").read_text() == card

    model = onnx.load(copy / "ffnn.onnx")
    model.producer_name = "another"
    onnx.save(model, copy / "ffnn.onnx")
    pipeline.export(["lenet5"], (), checkpoints, copy)
    card = (copy / "README.md").read_text()
    assert rows[0] in card
    assert rows[1] not in card


def test_a_wrong_answer_is_an_error_after_all_runtimes_have_run(
    copy: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "survey", lambda *_: iter([replace(ROW, same=8), REFUSED]))
    with pytest.raises(InputError, match=r"Some digits are not read as Keras reads them: lenet5\.onnx in Abacus$"):
        pipeline.survey_runtimes((), checkpoints, copy)
    assert "8 of 9" in (copy / "README.md").read_text()
    assert "no Gemm" in (copy / "README.md").read_text()


def test_the_error_for_an_unknown_opset_names_the_file(copy: Path, checkpoints: Path) -> None:
    model = onnx.load(copy / "lenet5.onnx")
    model.opset_import[0].version = 99
    onnx.save(model, copy / "lenet5.onnx")
    before = contents(copy)
    with pytest.raises(InputError, match=r"lenet5\.onnx does not match the checkpoint"):
        pipeline.survey_runtimes((), checkpoints, copy)
    assert contents(copy) == before


def test_a_missing_file_or_an_unwritable_folder_is_an_error(checkpoints: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is missing: python -m export lenet5 --checkpoints .* --output .* makes it"):
        pipeline.survey_runtimes((), checkpoints, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        pipeline.export(["lenet5"], (), checkpoints, tmp_path / "file")


def test_the_committed_files_are_what_an_export_of_the_committed_checkpoints_writes(exported: Path) -> None:
    made_by, *_ = onnx.load(ONNX / IMAGE.file("lenet5")).producer_version.split()
    if made_by != tf2onnx.__version__:
        pytest.skip(f"tf2onnx {made_by} made them, {tf2onnx.__version__} may name nodes otherwise")
    records = {name: TrainingRecord.load(CHECKPOINTS / f"{name}.json") for name in NETWORKS}
    metadata = {kind.file(name): metadata_of(name, records[name], kind) for name in NETWORKS for kind in KINDS}
    metadata[READER_FILE] = reader_metadata(records)
    for file, expected in metadata.items():
        model = onnx.load(exported / file)
        onnx.helper.set_model_props(model, expected)
        assert model == onnx.load(ONNX / file), file
