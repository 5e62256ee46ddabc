"""python -m export --triton DIR writes a model repository that is valid by Triton's own schema."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from google.protobuf import text_format

from export import ONNX
from export.triton import TYPES, config, lay_out
from model import InputError

NAMES = ["ffnn-sketch", "lenet5-sketch", "reader"]


def model_config() -> Any:
    """Load Triton's schema from tritonclient, without the rest of that package, which needs grpcio."""
    package = importlib.util.find_spec("tritonclient")
    assert package
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0], "grpc", "model_config_pb2.py")
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCHEMA = model_config()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triton") / "models"
    subprocess.run([sys.executable, "-m", "export", "--triton", str(folder)], check=True)
    return folder


def test_the_folder_holds_the_reader_and_the_sketch_graphs_of_both_networks(repository: Path) -> None:
    assert sorted(path.name for path in repository.iterdir()) == NAMES
    for name in NAMES:
        assert sorted(path.name for path in (repository / name).rglob("*")) == ["1", "config.pbtxt", "model.onnx"]
        assert (repository / name / "1" / "model.onnx").read_bytes() == (ONNX / f"{name}.onnx").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_declares_the_inputs_and_outputs_of_the_graph(repository: Path, name: str) -> None:
    configuration = text_format.Parse((repository / name / "config.pbtxt").read_text(), SCHEMA.ModelConfig())
    graph = onnx.load(repository / name / "1" / "model.onnx").graph
    for declared, values in ((configuration.input, graph.input), (configuration.output, graph.output)):
        assert [(tensor.name, SCHEMA.DataType.Name(tensor.data_type), list(tensor.dims)) for tensor in declared] == [
            (
                value.name,
                TYPES[value.type.tensor_type.elem_type],
                [size.dim_value or -1 for size in value.type.tensor_type.shape.dim[1:]],
            )
            for value in values
        ]
    assert configuration.backend == "onnxruntime"
    assert configuration.max_batch_size >= 8
    assert configuration.HasField("dynamic_batching")
    assert configuration.parameters["cudnn_conv_algo_search"].string_value == "1"
    (warmup,) = configuration.model_warmup
    assert list(warmup.inputs) == ["sketch"]
    assert list(warmup.inputs["sketch"].dims) == [280, 280]


def test_a_second_export_replaces_the_files(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    (tmp_path / "ffnn-sketch" / "config.pbtxt").write_text("old")
    lay_out(tmp_path, ONNX)
    model = onnx.load(ONNX / "ffnn-sketch.onnx")
    assert (tmp_path / "ffnn-sketch" / "config.pbtxt").read_text() == config(model)


def test_the_error_for_missing_files_names_the_command(tmp_path: Path) -> None:
    remedy = rf"holds no reader\.onnx and no \*-sketch\.onnx: python -m export all --output {tmp_path} makes them"
    with pytest.raises(InputError, match=remedy):
        lay_out(tmp_path / "models", tmp_path)


def test_the_error_for_a_damaged_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "ffnn-sketch.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"ffnn-sketch\.onnx is damaged"):
        lay_out(tmp_path / "models", tmp_path)


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        lay_out(tmp_path / "file", ONNX)
