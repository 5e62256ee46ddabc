"""Lay out a model repository for Triton Inference Server. KServe serves it too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import onnx

from export import export_command
from export.contract import FLOAT, SKETCH, UINT8
from model import CHECKPOINTS, InputError
from model.files import replacing

MAX_BATCH_SIZE = 64
TYPES = {UINT8: "TYPE_UINT8", onnx.TensorProto.INT64: "TYPE_INT64", FLOAT: "TYPE_FP32"}
NAMES = ("reader.onnx", SKETCH.file("*"))

# Triton batches requests of one canvas size. Networks this small gain nothing from a second thread: on a server without
# a GPU, raise count to the number of cores. Search 1 is HEURISTIC; the default tries all algorithms for each new batch
# size.
CONFIG = """backend: "onnxruntime"
max_batch_size: {max_batch_size}
{values}
dynamic_batching {{ }}
instance_group [ {{ count: 1 kind: KIND_AUTO }} ]
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "1" }} }}
parameters {{ key: "cudnn_conv_algo_search" value: {{ string_value: "1" }} }}
model_warmup [
  {{
    name: "blank sheet"
    batch_size: 1
    inputs {{ key: "sketch" value: {{ data_type: TYPE_UINT8 dims: [ 280, 280 ] zero_data: true }} }}
  }}
]
"""


def lay_out(folder: Path, onnx_files: Path, checkpoints: Path = CHECKPOINTS) -> None:
    """Write `folder`/NAME/config.pbtxt and 1/model.onnx for reader.onnx and each NAME-sketch.onnx in `onnx_files`.

    Raises InputError if none is there, if one is damaged, or if `folder` cannot be written.
    """
    command = export_command("all", checkpoints, onnx_files)
    files = sorted(file for name in NAMES for file in onnx_files.glob(name))
    if not files:
        raise InputError(f"{onnx_files} holds no {' and no '.join(NAMES)}: {command} makes them.")
    for file in files:
        try:
            text = config(onnx.load(file))
        except Exception as error:  # protobuf raises other classes in other versions
            raise InputError(f"{file} is damaged ({error}): {command} makes it again.") from error
        with replacing(folder / file.stem / "1" / "model.onnx") as temporary:
            shutil.copyfile(file, temporary)
        with replacing(folder / file.stem / "config.pbtxt") as temporary:
            temporary.write_text(text, encoding="utf-8")
        print(folder / file.stem)


def config(model: onnx.ModelProto) -> str:
    """Format the model configuration, a ModelConfig in protobuf's text format, for CPU and GPU alike."""
    return CONFIG.format(max_batch_size=MAX_BATCH_SIZE, values="\n".join(_values(model.graph)))


def _values(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield a line for each input and output. Sizes are without the batch; unknown sizes are -1."""
    for kind, values in (("input", graph.input), ("output", graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            sizes = ", ".join(str(size.dim_value or -1) for size in tensor.shape.dim[1:])
            yield f'{kind} [ {{ name: "{value.name}" data_type: {TYPES[tensor.elem_type]} dims: [ {sizes} ] }} ]'
