"""Convert a trained network to an ONNX graph."""

import math
import re
from collections import Counter
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import ops

from export.contract import VERSION, Kind, Signature
from model.normalize import normalize
from model.record import TrainingRecord, counted


def to_onnx(network: keras.Model, kind: Kind, record: TrainingRecord) -> onnx.ModelProto:
    """Convert a trained network to the graph of `kind`. `record` is the checkpoint's, for the file's metadata.

    The IMAGE graph is the network and nothing else. The SKETCH graph normalizes first; it gives a blank sketch ten
    equal probabilities.
    """

    def read_image(image: tf.Tensor) -> dict[str, Any]:
        return {"probabilities": probabilities(network, image)}

    def read_sketch(sketch: tf.Tensor) -> dict[str, Any]:
        image = normalize(sketch)
        with tf.name_scope("blank"):
            has_ink = ops.reshape(ops.max(image, axis=(1, 2)), (-1, 1))  # [batch, 1]: 1, or 0 if blank
        return {"image": image, "probabilities": probabilities(network, image, has_ink)}

    shape = [size if isinstance(size, int) else None for size in kind.signature[kind.input][1]]
    spec = tf.TensorSpec(shape, tf.uint8 if kind.normalizes else tf.float32, name=kind.input)
    function = tf.function(read_sketch if kind.normalizes else read_image, input_signature=[spec])
    model, _ = tf2onnx.convert.from_function(function, input_signature=[spec], opset=kind.opset)
    _tidy(model, kind, network)
    onnx.helper.set_model_props(model, metadata_of(network.name, record, kind))
    return model


def probabilities(network: keras.Model, image: Any, has_ink: Any = None, inside: dict[str, Any] | None = None) -> Any:
    """Apply the network layer by layer: float32 [batch, 28, 28] -> [batch, 10].

    Where `has_ink` [batch, 1] is 0, all probabilities are equal. Calling the network would flatten feature maps
    channels last. Here they are flattened channels first, as they lie in ONNX, and the next kernel is permuted to
    match, so that the graph needs no transposition. `inside` receives what each layer makes.
    """
    values = ops.reshape(image, (-1, *network.input_shape[1:]))
    permutation: Any = slice(None)  # of the next kernel's rows
    for layer in network.layers:
        with tf.name_scope(layer.name):
            if isinstance(layer, keras.layers.Flatten):
                permutation = np.arange(layer.output.shape[-1]).reshape(values.shape[1:])
                if values.ndim == 4:
                    values, permutation = ops.transpose(values, (0, 3, 1, 2)), permutation.transpose(2, 0, 1)
                values, permutation = ops.reshape(values, (-1, permutation.size)), permutation.ravel()
            elif isinstance(layer, keras.layers.Dense):
                with tf.init_scope():
                    kernel, bias = layer.get_weights()
                values = ops.matmul(values, kernel[permutation]) + bias
                if has_ink is not None and layer is network.layers[-1]:
                    values = values * has_ink
                values, permutation = _activate(layer, values), slice(None)
            elif isinstance(layer, keras.layers.Conv2D):
                with tf.init_scope():
                    kernel, bias = layer.get_weights()
                values = _activate(layer, layer.convolution_op(values, kernel) + bias)
            else:
                values = layer(values, training=False)
        if inside is not None:
            inside[layer.name] = values
    return values


def _activate(layer: keras.Layer, values: Any) -> Any:
    """Apply the activation. OpenCV's Tanh is NaN above 44; clipping at 10 avoids that and changes no float32."""
    if layer.activation is keras.activations.tanh:
        values = ops.clip(values, -10.0, 10.0)
    return layer.activation(values)


def metadata_of(name: str, record: TrainingRecord, kind: Kind) -> dict[str, str]:
    """Describe the graph of `kind` of the network `name`, for the file's metadata."""
    assert record.test
    return {
        "name": name,
        "version": VERSION,
        "license": "MIT",
        "training_data": training_data(record),
        "accuracy": f"{record.test} of the {record.test.count:,} MNIST test digits, given as `image`",
        "input": kind.summary,
    }


def training_data(record: TrainingRecord) -> str:
    """Name what the network was trained on, with the licences."""
    return ", ".join(
        [
            "MNIST (CC BY-SA 3.0)",
            *(["UCI Pendigits (CC BY 4.0)"] if record.recipe.pen_copies else []),
            *(["UJI Pen Characters 2 (CC BY 4.0)"] if record.recipe.uji_copies else []),
            *([counted(record.corrections, "corrected drawing")] if record.corrections else []),
        ]
    )


def _tidy(model: onnx.ModelProto, kind: Kind, network: keras.Model) -> None:
    """Bring what tf2onnx made into the form of the contract: opset, operators, order and names."""
    del model.opset_import[:]  # among them is ai.onnx.ml, of which no node is
    model.opset_import.append(onnx.helper.make_opsetid("", kind.opset))
    _fuse_dense(model.graph)
    pool_channels(model.graph)
    _name_reductions(model)
    fuse_clip(model.graph, kind.opset)
    _order(model.graph)
    _rename(model.graph, [layer.name for layer in network.layers])
    name_dimensions(model.graph, kind.signature)
    model.graph.name = f"{network.name}-{kind.input}"
    model.graph.ClearField("doc_string")  # it holds the number of a TensorFlow function


def name_dimensions(graph: onnx.GraphProto, signature: Signature) -> None:
    """Give the inputs and outputs of `graph` the dimensions that `signature` says."""
    for value in [*graph.input, *graph.output]:
        for dimension, size in zip(value.type.tensor_type.shape.dim, signature[value.name][1], strict=True):
            dimension.Clear()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size


def _fuse_dense(graph: onnx.GraphProto) -> None:
    """Fuse MatMul by a weight and Add of a bias into Gemm. tf2onnx does so only where it knows the batch size."""
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


def pool_channels(graph: onnx.GraphProto) -> None:
    """Drop the Reshapes around pools that model/normalize.py needs: in ONNX every channel is pooled by itself.

    Padding is made explicit for onnx.reference. All windows that a pool pads are odd squares.
    """
    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor).tolist() for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    for after in list(graph.node):
        pool = makers.get(after.input[0]) if after.op_type == "Reshape" else None
        before = makers.get(pool.input[0]) if pool is not None and pool.op_type in ("MaxPool", "AveragePool") else None
        if pool is None or before is None or len(shapes.get(after.input[1], [])) != 4:
            continue
        if before.op_type == "Reshape" and shapes[before.input[1]][:2] == [-1, 1]:
            source = makers.get(before.input[0])  # it may put the channels last
            last = source is not None and source.op_type == "Reshape" and shapes[source.input[1]][-1] == 1
            pool.input[0] = source.input[0] if source is not None and last else before.input[0]
        elif before.op_type not in ("MaxPool", "AveragePool"):
            continue
        pool.output[0] = after.output[0]
        makers[pool.output[0]] = pool
        attributes = {attribute.name: attribute for attribute in pool.attribute}
        if (padding := attributes.get("auto_pad")) is not None:
            pool.attribute.remove(padding)
            if padding.s != b"VALID":
                sides = [side // 2 for side in attributes["kernel_shape"].ints]
                pool.attribute.append(onnx.helper.make_attribute("pads", sides * 2))
        graph.node.remove(after)


def _name_reductions(model: onnx.ModelProto) -> None:
    """Replace global pools by reductions, which onnx.reference and OpenCV compute for tensors of any rank."""
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in inferred}
    reductions = {"GlobalMaxPool": "ReduceMax", "GlobalAveragePool": "ReduceMean"}
    for node in model.graph.node:
        if node.op_type in reductions:
            node.op_type = reductions[node.op_type]
            node.attribute.append(onnx.helper.make_attribute("axes", list(range(2, ranks[node.input[0]]))))


def fuse_clip(graph: onnx.GraphProto, opset: int) -> None:
    """Fuse Min and Max with constants into Clip. Core ML has Clip, but not Min."""
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
    """Sort nodes and weights in the order in which the outputs need them, so that every export gives the same bytes."""
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
    """Name every node SCOPE/OPERATOR, its output like the node, and every weight LAYER/weight or LAYER/bias.

    A scope is a layer, or "blank" for what handles a blank sketch. Nodes of the normalization get short names without a
    scope, which keeps the file small.
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
            name = unique("", "constant")  # tf2onnx shares constants between layers
        names[tensor.name] = tensor.name = name
    for node in graph.node:
        inputs = [names[name] for name in node.input]
        scoped = next((name for name in [node.name, *reversed(node.input), *inputs] if scope_of(name)), "")
        node.name = names.get(node.output[0]) or unique(
            scoped, node.op_type
        )  # the node of a graph output is named like the output
        node.input[:] = inputs
        for i, output in enumerate(node.output):
            node.output[i] = names.setdefault(output, f"{node.name}/{i}" if i else node.name)
    del graph.value_info[:]
