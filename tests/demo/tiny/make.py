"""python -m tests.demo.tiny.make: make tiny networks with the contract of the committed ones, beside this script.

They read the position of a vertical bar on white paper: in the first tenth of the width it is a 0, in the last a 9.
Both networks always agree. LeNet5's feature maps have their real shapes and arbitrary values.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array

from export.contract import IMAGE, SKETCH, Kind

HERE = Path(__file__).parent
BANDS = np.eye(10)[np.arange(28) * 10 // 28]  # [28, 10]: the tenth that each column of the image is in
random = np.random.default_rng(0)


def weights(*shape: int) -> np.ndarray:
    return random.normal(0, 0.1, shape)


CONSTANTS = {
    "start": np.array([0]),
    "one": np.array([1]),
    "image size": np.array([1, 28, 28]),
    "empty": np.zeros(0, np.float32),
    "white": np.array(255),
    "bands": BANDS / 2,
    "conv1": weights(6, 1, 5, 5),
    "conv2": weights(16, 3, 6, 6),
    "conv3": weights(120, 2, 3, 3),
}
IMAGE_NODES = [
    make_node("Cast", ["sketch"], ["level"], to=TensorProto.FLOAT),
    make_node("Sub", ["white", "level"], ["ink"]),
    make_node("Div", ["ink", "white"], ["share"]),
    make_node("Unsqueeze", ["share"], ["channel"], axes=[1]),
    make_node("Shape", ["channel"], ["shape"]),
    make_node("Slice", ["shape", "start", "one"], ["batch"]),
    make_node("Concat", ["batch", "image size"], ["size"], axis=0),
    make_node("Resize", ["channel", "empty", "empty", "size"], ["resized"], mode="linear"),
    make_node("Squeeze", ["resized"], ["image"], axes=[1]),
]
MAP_NODES = [
    make_node("Conv", ["resized", "conv1"], ["conv1/Conv"]),
    make_node("Relu", ["conv1/Conv"], ["conv1/Relu"]),
    make_node("Conv", ["conv1/Relu", "conv2"], ["conv2/Conv"], group=2),
    make_node("Tanh", ["conv2/Conv"], ["conv2/Tanh"]),
    make_node("Conv", ["conv2/Tanh", "conv3"], ["conv3/Conv"], group=8, strides=[4, 4]),
    make_node("Tanh", ["conv3/Conv"], ["conv3/Tanh"]),
]
DIGIT_NODES = [
    make_node("ReduceSum", ["image"], ["columns"], axes=[1], keepdims=0),
    make_node("MatMul", ["columns", "bands"], ["logits"]),
    make_node("Softmax", ["logits"], ["probabilities"], axis=1),
]


def model(name: str, kind: Kind, nodes: list[NodeProto]) -> onnx.ModelProto:
    used = {value for node in nodes for value in node.input}
    constants = [
        from_array(value.astype(np.int64 if value.dtype == np.int64 and value.ndim else np.float32), constant)
        for constant, value in CONSTANTS.items()
        if constant in used
    ]
    values = {value: make_tensor_value_info(value, *signature) for value, signature in kind.signature.items()}
    outputs = [values[value] for value in values if value != kind.input]
    graph = make_graph(nodes, name, [values[kind.input]], outputs, constants)
    return make_model(graph, opset_imports=[make_opsetid("", SKETCH.opset)], ir_version=6)


def make(folder: Path) -> None:
    for name, kind, nodes in (
        ("lenet5", SKETCH, [*IMAGE_NODES, *MAP_NODES, *DIGIT_NODES]),
        ("ffnn", IMAGE, DIGIT_NODES),
    ):
        made = model(name, kind, nodes)
        onnx.checker.check_model(made, full_check=True)
        onnx.save(made, folder / kind.file(name))


if __name__ == "__main__":
    make(HERE)
