"""Checkpoint to ONNX graphs."""

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import ops

from model.evaluate import percent
from model.normalize import SIDE, normalize

VERSION = "1.0.0"
Shapes = dict[str, list[int | str]]

# The lowest that serves. The image graph would be the same in 7, but TensorRT promises to read none below 9; CumSum,
# which gives the sketch graph its pixel positions, came with 11.
IMAGE_OPSET = 9
SKETCH_OPSET = 11

IMAGE_CONTRACT = "image float32 [batch, 28, 28], ink 1 on paper 0 -> probabilities float32 [batch, 10]"
SKETCH_CONTRACT = (
    "sketch uint8 [batch, height, width], 8 to 2048 a side, dark on light or light on dark -> "
    "image float32 [batch, 28, 28] and probabilities float32 [batch, 10]"
)


def image_graph(network: keras.Model, story: dict[str, Any]) -> onnx.ModelProto:
    """`image` -> `probabilities`: the network and nothing else. `story` is the checkpoint's .json."""

    def forward(image: tf.Tensor) -> dict[str, Any]:
        return {"probabilities": probabilities(network, image)}

    spec = tf.TensorSpec((None, SIDE, SIDE), tf.float32, name="image")
    shapes: Shapes = {"image": ["batch", SIDE, SIDE], "probabilities": ["batch", 10]}
    return _convert(forward, spec, IMAGE_OPSET, network, shapes, _metadata(network.name, story, IMAGE_CONTRACT))


def sketch_graph(network: keras.Model, story: dict[str, Any]) -> onnx.ModelProto:
    """`sketch` -> `image`, `probabilities`: normalization and network. A blank sketch gives uniform probabilities."""

    def forward(sketch: tf.Tensor) -> dict[str, Any]:
        image = normalize(sketch)
        with tf.name_scope("blank"):
            drawn = ops.reshape(ops.max(image, axis=(1, 2)), (-1, 1))  # [batch, 1]: 1, or 0 if blank
        return {"image": image, "probabilities": probabilities(network, image, drawn)}

    spec = tf.TensorSpec((None, None, None), tf.uint8, name="sketch")
    shapes: Shapes = {
        "sketch": ["batch", "height", "width"],
        "image": ["batch", SIDE, SIDE],
        "probabilities": ["batch", 10],
    }
    return _convert(forward, spec, SKETCH_OPSET, network, shapes, _metadata(network.name, story, SKETCH_CONTRACT))


def probabilities(network: keras.Model, image: Any, drawn: Any = None) -> Any:
    """The network layer by layer, float32 [batch, 28, 28] -> [batch, 10]; all alike where `drawn` [batch, 1] is 0.

    It differs from calling the network in that feature maps are flattened channels first, as they lie in ONNX, and the
    kernel that takes them is arranged to suit: else the graph would turn them around at every run.
    """
    values = ops.reshape(image, (-1, *network.input_shape[1:]))
    lies_at: Any = slice(None)
    for layer in network.layers:
        with tf.name_scope(layer.name):
            if isinstance(layer, keras.layers.Flatten):
                lies_at = np.arange(layer.output.shape[-1]).reshape(values.shape[1:])
                if values.ndim == 4:
                    values, lies_at = ops.transpose(values, (0, 3, 1, 2)), lies_at.transpose(2, 0, 1)
                values, lies_at = ops.reshape(values, (-1, lies_at.size)), lies_at.ravel()
            elif isinstance(layer, keras.layers.Dense):
                with tf.init_scope():
                    kernel, bias = layer.get_weights()
                values = ops.matmul(values, kernel[lies_at]) + bias
                if drawn is not None and layer is network.layers[-1]:
                    values = values * drawn
                values, lies_at = _activate(layer, values), slice(None)
            elif isinstance(layer, keras.layers.Conv2D):
                values = _activate(layer, layer.convolution_op(values, layer.kernel) + layer.bias)
            else:
                values = layer(values, training=False)
    return values


def _activate(layer: keras.Layer, values: Any) -> Any:
    """The layer's activation. OpenCV's Tanh is NaN above 44; beyond 10 it is 1 in float32, so nothing is lost."""
    if layer.activation is keras.activations.tanh:
        values = ops.clip(values, -10.0, 10.0)
    return layer.activation(values)


def _metadata(name: str, story: dict[str, Any], contract: str) -> dict[str, str]:
    pens = ", UCI Pendigits (CC BY 4.0)" if story["recipe"].get("drawn") else ""
    return {
        "name": name,
        "version": VERSION,
        "license": "MIT",
        "training_data": f"MNIST (CC BY-SA 3.0){pens}",
        "accuracy": f"{percent(story['test'])} of the {story['test']['count']:,} MNIST test digits, given as `image`",
        "input": contract,
    }


def _convert(
    forward: Callable[[tf.Tensor], dict[str, Any]],
    spec: tf.TensorSpec,
    opset: int,
    network: keras.Model,
    shapes: Shapes,
    metadata: dict[str, str],
) -> onnx.ModelProto:
    function = tf.function(forward, input_signature=[spec])
    model, _ = tf2onnx.convert.from_function(function, input_signature=[spec], opset=opset)
    del model.opset_import[:]  # among them ai.onnx.ml, which nothing here is of
    model.opset_import.append(onnx.helper.make_opsetid("", opset))
    _join_dense(model.graph)
    _join_clip(model.graph, opset)
    _order(model.graph)
    _rename(model.graph, [layer.name for layer in network.layers])
    for value in [*model.graph.input, *model.graph.output]:
        dimensions = value.type.tensor_type.shape.dim
        for dimension, size in zip(dimensions, shapes[value.name], strict=True):
            dimension.Clear()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
    model.graph.name = f"{network.name}-{spec.name}"
    model.graph.ClearField("doc_string")  # the number of a TensorFlow function
    onnx.helper.set_model_props(model, metadata)
    return model


def _join_dense(graph: onnx.GraphProto) -> None:
    """MatMul by a weight and Add of a bias become Gemm; tf2onnx does so only where it knows the batch size."""
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    for node in list(graph.node):
        product = makers.get(node.input[0])
        if (
            node.op_type == "Add"
            and product is not None
            and product.op_type == "MatMul"
            and ranks.get(product.input[1]) == 2
            and ranks.get(node.input[1]) == 1
        ):
            node.op_type = "Gemm"
            node.input[:] = [*product.input, node.input[1]]
            graph.node.remove(product)


def _join_clip(graph: onnx.GraphProto, opset: int) -> None:
    """Max of a constant after Min of one becomes Clip: Core ML takes that, but not Min."""
    constants = {tensor.name: tensor for tensor in graph.initializer if math.prod(tensor.dims) == 1}
    makers = {node.output[0]: node for node in graph.node}
    for node in list(graph.node):
        capped = makers.get(node.input[0])
        if node.op_type != "Max" or node.input[1] not in constants or capped is None:
            continue
        if capped.op_type == "Min" and capped.input[1] in constants:
            limits = {"min": node.input[1], "max": capped.input[1]}
            node.op_type = "Clip"
            node.input[:] = [capped.input[0], *(limits.values() if opset >= 11 else [])]
            for name, limit in limits.items():
                constants[limit].ClearField("dims")
                if opset < 11:
                    bound = float(onnx.numpy_helper.to_array(constants[limit]))
                    node.attribute.append(onnx.helper.make_attribute(name, bound))
            graph.node.remove(capped)


def _order(graph: onnx.GraphProto) -> None:
    """Nodes and weights in the order in which the outputs need them, so that every export gives the same bytes."""
    makers = {output: node for node in graph.node for output in node.output}
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    nodes: dict[str, onnx.NodeProto] = {}
    used: dict[str, onnx.TensorProto] = {}

    def visit(name: str) -> None:
        if name in tensors:
            used.setdefault(name, tensors[name])
        elif name in makers and makers[name].name not in nodes:
            for needed in makers[name].input:
                visit(needed)
            nodes[makers[name].name] = makers[name]

    outputs = sorted(graph.output, key=lambda value: value.name)
    for output in outputs:
        visit(output.name)
    for field, ordered in ((graph.output, outputs), (graph.node, nodes.values()), (graph.initializer, used.values())):
        copies = [type(entry).FromString(entry.SerializeToString()) for entry in ordered]
        del field[:]
        field.extend(copies)


def _rename(graph: onnx.GraphProto, layers: list[str]) -> None:
    """Name every node SCOPE/OPERATOR and its output after it, every weight LAYER/weight or LAYER/bias.

    Scopes are the layers, and "blank" for what becomes of a blank sketch; the normalization has none, because names
    would take most of the little that the file may be larger than its weights.
    """
    names = {value.name: value.name for value in [*graph.input, *graph.output]}
    used: Counter[str] = Counter()

    def scope_of(original: str) -> str:
        # tf2onnx has no public way to tell which layer a node comes from; TensorFlow's scopes stay in its nodes' names.
        scope = re.sub(r"_\d+$", "", original.split("/")[0])
        return scope if scope in [*layers, "blank"] else ""

    def unique(original: str, what: str) -> str:
        scope = scope_of(original)
        name = f"{scope}/{what}" if scope else what
        used[name] += 1
        return name if used[name] == 1 else f"{name}{used[name]}"

    for tensor in graph.initializer:
        if scope_of(tensor.name) in layers and math.prod(tensor.dims) > 1:
            name = unique(tensor.name, "bias" if len(tensor.dims) == 1 else "weight")
        else:
            name = unique("", "constant")  # tf2onnx shares constants, under any of their names
        names[tensor.name] = tensor.name = name
    for node in graph.node:
        inputs = [names[name] for name in node.input]
        scoped = next((name for name in [node.name, *reversed(node.input), *inputs] if scope_of(name)), "")
        node.name = names.get(node.output[0]) or unique(scoped, node.op_type)  # an output's node is named like it
        node.input[:] = inputs
        for i, output in enumerate(node.output):
            node.output[i] = names.setdefault(output, f"{node.name}/{i}" if i else node.name)
    del graph.value_info[:]
