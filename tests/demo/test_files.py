"""The demo reads the networks of any folder, and says what is wrong with a file and which command makes it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto

from demo.networks.files import CONTRACT, FILES, ONNX, SetupError, read
from demo.networks.images import data_url
from export.contract import VERSION
from tests.demo.serving import Running, lines
from tests.demo.tiny import TINY, bar


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tiny networks."""
    folder = tmp_path / "my-model" / "onnx"
    folder.mkdir(parents=True)
    for file in FILES:
        shutil.copy(TINY / file, folder)
    return folder


def reason(folder: Path) -> str:
    with pytest.raises(SetupError) as error:
        read(folder)
    text = str(error.value)
    assert "\n" not in text
    return text


def test_the_committed_files_have_the_version_that_the_demo_reads() -> None:
    assert VERSION.partition(".")[0] == CONTRACT


@pytest.mark.parametrize("file", FILES)
def test_the_error_for_a_missing_file_names_the_command_that_makes_it(file: str, folder: Path) -> None:
    (folder / file).unlink()
    assert (
        reason(folder) == f"There is no {folder / file}. Run python -m export --checkpoints {folder.parent} to make it."
    )


def test_the_error_for_a_folder_of_another_name_names_the_option_that_writes_there(tmp_path: Path) -> None:
    missing = tmp_path / "networks"
    assert f"Run python -m export --checkpoints DIR --output {missing} to make it." in reason(missing)


def test_the_error_for_a_file_in_place_of_a_folder_says_so(folder: Path) -> None:
    assert reason(folder / "ffnn.onnx") == f"{folder / 'ffnn.onnx'} is a file. Name the folder that holds it."


def test_the_error_for_the_folder_above_names_the_right_one(folder: Path) -> None:
    assert reason(folder.parent).endswith(f"Name the folder {folder} instead.")


def test_the_error_for_checkpoints_that_were_not_exported_names_both_steps(tmp_path: Path) -> None:
    (tmp_path / "lenet5.keras").touch()
    steps = f"Run python -m export --checkpoints {tmp_path} first, then name the folder of the files that it writes."
    assert reason(tmp_path) == f"{tmp_path} holds checkpoints. {steps}"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kept", [0, 500])
def test_the_error_for_a_damaged_file_names_it(file: str, kept: int, folder: Path) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:kept])
    text = reason(folder)
    assert text.startswith(f"{folder / file} is damaged (")
    assert text.endswith(f". Run python -m export --checkpoints {folder.parent} to make it again.")


def of_other_classes(model: ModelProto) -> None:
    (bands,) = (tensor for tensor in model.graph.initializer if tensor.name == "bands")
    bands.CopyFrom(onnx.numpy_helper.from_array(np.ones((28, 26), np.float32), "bands"))
    model.graph.output[-1].type.tensor_type.shape.dim[1].dim_value = 26


def of_one_size(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def of_another_type(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def of_another_input(model: ModelProto) -> None:
    name = model.graph.input[0].name
    model.graph.input[0].name = "x"
    for node in model.graph.node:
        node.input[:] = ["x" if value == name else value for value in node.input]


def of_later_version(model: ModelProto) -> None:
    onnx.helper.set_model_props(model, {"version": "2.0.0"})


def of_another_network(model: ModelProto) -> None:
    onnx.helper.set_model_props(model, {"version": VERSION, "name": "resnet"})


def of_other_maps(model: ModelProto) -> None:
    (kernels,) = (tensor for tensor in model.graph.initializer if tensor.name == "conv1")
    kernels.CopyFrom(onnx.numpy_helper.from_array(np.ones((8, 1, 5, 5), np.float32), "conv1"))
    for name in ("conv2", "conv3"):
        (kernels,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
        wider = np.ones((kernels.dims[0], 4 if name == "conv2" else 2, *kernels.dims[2:]), np.float32)
        kernels.CopyFrom(onnx.numpy_helper.from_array(wider, name))


def without_maps(model: ModelProto) -> None:
    for node in model.graph.node:
        for values in (node.input, node.output):
            values[:] = [value.replace("conv2/Tanh", "second") for value in values]


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        (
            "ffnn.onnx",
            of_other_classes,
            "is another graph, with probabilities float [?, 26], not float [?, 10]",
        ),
        (
            "ffnn.onnx",
            of_one_size,
            "is another graph, with image float [1, 28, 28], not float [?, 28, 28]",
        ),
        (
            "lenet5-sketch.onnx",
            of_another_type,
            "is another graph, with sketch float [?, ?, ?], not uint8 [?, ?, ?]",
        ),
        (
            "ffnn.onnx",
            of_another_input,
            "is another graph, with x, probabilities as inputs and outputs, not image, probabilities",
        ),
        ("lenet5-sketch.onnx", of_later_version, "has version 2.0.0, and this demo reads version 1"),
        ("ffnn.onnx", of_another_network, "holds the network resnet"),
        ("lenet5-sketch.onnx", of_other_maps, "is another graph, with conv1/Relu float [?, 8, "),
        ("lenet5-sketch.onnx", without_maps, "is another graph, without the nodes conv1/Relu, conv2/Tanh, conv3/Tanh"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_error_for_another_network_says_what_differs(
    file: str, change: Callable[[ModelProto], None], problem: str, folder: Path
) -> None:
    model = onnx.load(folder / file)
    change(model)
    onnx.save(model, folder / file)
    text = reason(folder)
    assert text.startswith(f"{folder / file} {problem}")
    assert text.endswith(f". Run python -m export --checkpoints {folder.parent} to make it again.")


def test_the_error_for_exchanged_files_says_which_network_they_hold(tmp_path: Path) -> None:
    shutil.copy(ONNX / "lenet5-sketch.onnx", tmp_path)
    shutil.copy(ONNX / "lenet5.onnx", tmp_path / "ffnn.onnx")
    assert f"{tmp_path / 'ffnn.onnx'} holds the network lenet5." in reason(tmp_path)


def test_the_demo_reads_with_the_networks_of_the_folder_that_it_names(start_server: Running, folder: Path) -> None:
    """The committed networks read this bar as a 1, wherever it is."""
    with start_server("--onnx", str(folder)) as address:
        assert lines[address] == f"Draw at {address} ({folder} in ONNX Runtime on CPU). Ctrl+C stops it.\n"
        canvas = data_url(1 - bar(8).astype(np.float32) / 255)
        assert httpx.post(f"{address}read", json={"canvas": canvas}).json()["digit"] == 8
