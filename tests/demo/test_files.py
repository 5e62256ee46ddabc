"""The demo reads the reader.onnx of any folder, and says what is wrong with a file and which command makes it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto

from demo.networks import files
from demo.networks.files import CONTRACT, FILE, ONNX, SetupError, read
from demo.networks.images import data_url
from export.contract import VERSION
from tests.demo.serving import Running, lines
from tests.demo.tiny import TINY, bar


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a copy of the tiny reader."""
    folder = tmp_path / "my-model" / "onnx"
    folder.mkdir(parents=True)
    shutil.copy(TINY / FILE, folder)
    return folder


def reason(folder: Path) -> str:
    with pytest.raises(SetupError) as error:
        read(folder)
    text = str(error.value)
    assert "\n" not in text
    return text


def test_the_exported_files_have_the_version_that_the_demo_reads() -> None:
    assert VERSION.partition(".")[0] == CONTRACT


def test_the_error_for_a_missing_file_names_the_command_that_makes_it(folder: Path) -> None:
    (folder / FILE).unlink()
    assert (
        reason(folder) == f"There is no {folder / FILE}. Run python -m export --checkpoints {folder.parent} to make it."
    )


def test_the_error_for_the_committed_folder_names_its_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / FILE).unlink()
    monkeypatch.setattr(files, "ONNX", folder)
    assert reason(folder) == f"There is no {folder / FILE}. Run python -m export to make it."


def test_the_error_for_a_folder_of_another_name_names_the_option_that_writes_there(tmp_path: Path) -> None:
    missing = tmp_path / "networks"
    assert f"Run python -m export --checkpoints DIR --output {missing} to make it." in reason(missing)


def test_the_error_for_a_file_in_place_of_a_folder_says_so(folder: Path) -> None:
    assert reason(folder / FILE) == f"{folder / FILE} is a file. Name the folder that holds it."


def test_the_error_for_the_folder_above_names_the_right_one(folder: Path) -> None:
    assert reason(folder.parent).endswith(f"Name the folder {folder} instead.")


def test_the_error_for_checkpoints_that_were_not_exported_names_both_steps(tmp_path: Path) -> None:
    (tmp_path / "lenet5.keras").touch()
    steps = f"Run python -m export --checkpoints {tmp_path} first, then name the folder of the files that it writes."
    assert reason(tmp_path) == f"{tmp_path} holds checkpoints. {steps}"


@pytest.mark.parametrize("kept", [0, 500])
def test_the_error_for_a_damaged_file_names_it(kept: int, folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:kept])
    text = reason(folder)
    assert text.startswith(f"{folder / FILE} is damaged (")
    assert text.endswith(f". Run python -m export --checkpoints {folder.parent} to make it again.")


def of_one_sketch(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def of_another_input(model: ModelProto) -> None:
    model.graph.input[0].name = "x"
    for node in model.graph.node:
        node.input[:] = ["x" if value == "sketch" else value for value in node.input]


def of_another_type(model: ModelProto) -> None:
    model.graph.node.append(onnx.helper.make_node("Cast", ["line"], ["lines"], to=TensorProto.FLOAT))
    (line,) = (value for value in model.graph.output if value.name == "line")
    line.name, line.type.tensor_type.elem_type = "lines", TensorProto.FLOAT
    rename(model, {"line": "whole lines", "lines": "line"})


def of_other_maps(model: ModelProto) -> None:
    rename(model, {"conv1": "conv2", "conv2": "conv1"})


def without_maps(model: ModelProto) -> None:
    kept = [value for value in model.graph.output if not value.name.startswith("conv")]
    del model.graph.output[:]
    model.graph.output.extend(kept)


def of_later_version(model: ModelProto) -> None:
    onnx.helper.set_model_props(model, {"version": "2.0.0"})


def rename(model: ModelProto, names: dict[str, str]) -> None:
    """Give values of the graph other names."""
    for node in model.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    for output in model.graph.output:
        output.name = names.get(output.name, output.name)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (of_one_sketch, "is another graph, with sketch uint8 [1, ?, ?], not uint8 [?, ?, ?]"),
        (of_another_input, "is another graph, with the inputs x, not sketch"),
        (of_another_type, "is another graph, with line float [?, ?], not int64 [?, ?]"),
        (of_other_maps, "is another graph, with conv1 float [?, ?, 16, 19, 19], not float [?, ?, 6, 24, 24]"),
        (without_maps, "is another graph, without the outputs conv1, conv2, conv3"),
        (of_later_version, "has version 2.0.0, and this demo reads version 1"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_error_for_another_graph_says_what_differs(
    change: Callable[[ModelProto], None], problem: str, folder: Path
) -> None:
    model = onnx.load(folder / FILE)
    change(model)
    onnx.save(model, folder / FILE)
    text = reason(folder)
    assert text.startswith(f"{folder / FILE} {problem}")
    assert text.endswith(f". Run python -m export --checkpoints {folder.parent} to make it again.")


def test_the_error_for_a_graph_of_one_digit_says_which_outputs_it_lacks(tmp_path: Path) -> None:
    shutil.copy(ONNX / "lenet5-sketch.onnx", tmp_path / FILE)
    assert f"{tmp_path / FILE} is another graph, without the outputs digits, line, sure" in reason(tmp_path)


def test_the_demo_reads_with_the_file_of_the_folder_that_it_names(start_server: Running, folder: Path) -> None:
    """The committed file reads this bar as a 1, wherever it is."""
    with start_server("--onnx", str(folder)) as address:
        assert lines[address] == f"Draw at {address} ({folder} in ONNX Runtime on CPU). Ctrl+C stops it.\n"
        canvas = data_url(1 - bar(8).astype(np.float32) / 255)
        assert httpx.post(f"{address}read", json={"canvas": canvas}).json()["number"] == "8"
