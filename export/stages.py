"""Join functions of TensorFlow to one ONNX graph, also with If, which tf2onnx converts too slowly in large graphs."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper

logging.getLogger("tf2onnx.shape_inference").setLevel(logging.ERROR)  # it warns of loops, whose shapes are not needed

Value = Any
"""A value in the graph: a tf.TensorSpec with the value's name."""


SAME = {
    "SelectV2": "Where",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
}
"""Operators of TensorFlow that are one of ONNX, where tf2onnx makes several, for older opsets."""

ALL = 1_000_000_000  # where tf2onnx ends a slice that takes all of an axis, or beyond


class Stages:
    """A graph in the making. Weights that several functions use are in it once."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[bytes, onnx.TensorProto] = {}
        self.functions = 0

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Add a function of tensors to the graph. Arguments and result are nests of values."""
        nodes, result = self._converted(function, arguments)
        self.nodes += nodes
        return result

    def choose(self, condition: Value, function: Callable[..., Any], other: Callable[..., Any], *arguments: Any) -> Any:
        """Add an If: `function` if the condition holds, else `other`."""
        branches, results = {}, []
        for name, branch in (("then_branch", function), ("else_branch", other)):
            nodes, result = self._converted(branch, arguments)
            outputs = [_value_info(value) for value in tf.nest.flatten(result)]
            branches[name] = helper.make_graph(nodes, f"{name}{self.functions}", [], outputs)
            results.append(result)
        chosen = [
            tf.TensorSpec(_common(a.shape, b.shape), a.dtype, f"chosen{self.functions}/{i}")
            for i, (a, b) in enumerate(zip(*map(tf.nest.flatten, results), strict=True))
        ]
        self.nodes.append(helper.make_node("If", [condition.name], [value.name for value in chosen], **branches))
        return tf.nest.pack_sequence_as(results[0], chosen)

    def model(self, inputs: list[Value], outputs: dict[str, Value]) -> onnx.ModelProto:
        """The graph from `inputs` to `outputs`."""
        nodes = [*self.nodes, *(helper.make_node("Identity", [v.name], [name]) for name, v in outputs.items())]
        named = [tf.TensorSpec(value.shape, value.dtype, name) for name, value in outputs.items()]
        graph = helper.make_graph(nodes, "reader", list(map(_value_info, inputs)), list(map(_value_info, named)))
        used = {name for each in _graphs(graph) for node in each.node for name in node.input}
        graph.initializer.extend(tensor for tensor in self.weights.values() if tensor.name in used)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))

    def _converted(self, function: Callable[..., Any], arguments: Any) -> tuple[list[onnx.NodeProto], Any]:
        """Convert a function. Returns its nodes, and the values that they make."""
        self.functions += 1
        given = tf.nest.flatten(arguments)
        signature = [tf.TensorSpec(value.shape, value.dtype, f"given{i}") for i, value in enumerate(given)]
        structure: list[Any] = []

        def flat(*tensors: Any) -> dict[str, Any]:
            result = function(*tf.nest.pack_sequence_as(arguments, tensors))
            structure.append(result)
            return {f"made{i}": tf.identity(tensor) for i, tensor in enumerate(tf.nest.flatten(result))}

        traced = tf.function(flat, input_signature=signature, autograph=False)
        handlers = {operator: (_renamed, [name]) for operator, name in SAME.items()}
        model, _ = tf2onnx.convert.from_function(
            traced, input_signature=signature, opset=self.opset, custom_op_handlers=handlers
        )
        _simplify(model.graph)
        names = {f"given{i}": value.name for i, value in enumerate(given)}
        prefix = f"{self.functions}/"
        for tensor in _weights(model.graph):
            named, tensor.name = tensor.name, ""
            content = tensor.SerializeToString()
            tensor.name = f"{prefix}constant/{named}"
            names[named] = self.weights.setdefault(content, tensor).name
        _rename(model.graph, names, prefix)
        _copy_passed_values(model.graph)
        nodes = list(model.graph.node)
        made = [
            tf.TensorSpec(tensor.shape, tensor.dtype, f"{prefix}made{i}")
            for i, tensor in enumerate(tf.nest.flatten(structure[-1]))
        ]
        there = {output for node in nodes for output in node.output}
        constants = {value.name: f"made{i}" for i, value in enumerate(made) if value.name not in there}
        nodes += [helper.make_node("Identity", [names[named]], [value]) for value, named in constants.items()]
        return nodes, tf.nest.pack_sequence_as(structure[-1], made)


def _renamed(context: Any, node: Any, name: str, rest: list[str]) -> None:
    """Do no more: tf2onnx gives a node the first name of its handler by itself."""


def _simplify(graph: onnx.GraphProto) -> None:
    """Remove slices that take everything, and make Gather of those that take one index of one axis."""
    values = {tensor.name: numpy_helper.to_array(tensor) for each in _graphs(graph) for tensor in each.initializer}
    same: dict[str, str] = {}
    for each in _graphs(graph):
        slices = {}
        for node in each.node:
            if node.op_type == "Slice" and all(name in values for name in node.input[1:]):
                starts, ends, axes = (values[name].tolist() for name in node.input[1:4])
                cut = [(s, e, a) for s, e, a in zip(starts, ends, axes, strict=True) if (s, e >= ALL) != (0, True)]
                slices[node.output[0]] = node.input[0], cut
                if not cut and all(node.output[0] != value.name for value in each.output):
                    same[node.output[0]] = node.input[0]
            elif node.op_type == "Squeeze" and node.input[0] in slices:
                source, cut = slices[node.input[0]]
                if [(s + 1, a) for s, _, a in cut if s >= 0] == [(e, a) for _, e, a in cut] and len(cut) == 1:
                    index = numpy_helper.from_array(np.array(cut[0][0]), f"{node.output[0]}/index")
                    graph.initializer.append(index)
                    gather = helper.make_node("Gather", [source, index.name], node.output, node.name, axis=cut[0][2])
                    node.CopyFrom(gather)
    for each in _graphs(graph):
        for node in each.node:
            for i, name in enumerate(node.input):
                while name in same:
                    name = same[name]
                node.input[i] = name
    for each in _graphs(graph):
        used = {name for inner in _graphs(graph) for node in inner.node for name in node.input}
        used |= {value.name for value in each.output}
        kept = [node for node in each.node if node.op_type != "Slice" or node.output[0] in used]
        del each.node[:]
        each.node.extend(kept)


def _common(a: tf.TensorShape, b: tf.TensorShape) -> list[int | None]:
    return [i if i == j else None for i, j in zip(a.as_list(), b.as_list(), strict=True)]


def _value_info(value: Value) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(value.dtype.as_numpy_dtype().dtype)
    return helper.make_tensor_value_info(value.name, kind, value.shape.as_list())


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and the graphs of its loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _weights(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Take all weights out of a graph."""
    for each in _graphs(graph):
        for tensor in each.initializer:
            yield onnx.TensorProto.FromString(tensor.SerializeToString())


def _rename(graph: onnx.GraphProto, names: dict[str, str], prefix: str) -> None:
    """Rename all values: by `names`, or else with the prefix."""
    for each in _graphs(graph):
        del each.initializer[:], each.value_info[:]
        for value in [*each.input, *each.output]:
            value.name = names.get(value.name, prefix + value.name)
        for node in each.node:
            node.name = prefix + node.name
            node.input[:] = [name and names.get(name, prefix + name) for name in node.input]
            node.output[:] = [name and names.get(name, prefix + name) for name in node.output]


def _copy_passed_values(graph: onnx.GraphProto) -> None:
    """Let a loop's body copy the values that it passes on unchanged: OpenVINO takes no input for an output."""
    for body in list(_graphs(graph))[1:]:
        passed = {value.name for value in body.input}
        for value in body.output:
            if value.name in passed:
                copy = f"{value.name}/passed"
                body.node.append(helper.make_node("Identity", [value.name], [copy]))
                value.name = copy
