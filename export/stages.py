"""Join functions of TensorFlow to one ONNX graph, also with If, which tf2onnx converts too slowly in large graphs."""

import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from string import ascii_letters
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper

from export.convert import fuse_clip, pool_channels

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

    def __init__(self, opset: int, layers: Collection[str]) -> None:
        self.opset = opset
        self.layers = layers
        """By which weights and nodes are named."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[bytes, onnx.TensorProto] = {}
        self.functions: list[str] = []

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Add a function of tensors to the graph. Arguments and result are nests of values."""
        nodes, result = self._converted(function, arguments)
        self.nodes += nodes
        return result

    def choose(self, condition: Value, function: Callable[..., Any], other: Callable[..., Any], *arguments: Any) -> Any:
        """Add an If: `function` if the condition holds, else `other`."""
        return self._either(condition, self._converted(function, arguments), other, arguments)

    def branch(self, condition: Value, steps: Callable[..., Any], other: Callable[..., Any], *arguments: Any) -> Any:
        """Add an If: what `steps` adds to the graph if the condition holds, else the function `other`."""
        before, self.nodes = self.nodes, []
        result = steps(*arguments)
        nodes, self.nodes = self.nodes, before
        made = {name for node in nodes for name in node.output}
        named: list[Value] = []
        for value in tf.nest.flatten(result):
            if value.name not in made or value.name in [each.name for each in named]:  # an If gives what it makes
                name = f"{steps.__name__}/{len(nodes)}"
                nodes.append(helper.make_node("Identity", [value.name], [name]))
                value = tf.TensorSpec(value.shape, value.dtype, name)
            named.append(value)
        self.functions.append(steps.__name__)
        return self._either(condition, (nodes, tf.nest.pack_sequence_as(result, named)), other, arguments)

    def _either(self, condition: Value, first: Any, other: Callable[..., Any], arguments: Any) -> Any:
        """Add an If: the nodes and the result of `first`, or the function `other`."""
        names = [self.functions[-1]]
        second = self._converted(other, arguments)
        names.append(self.functions[-1])
        branches, results = {}, []
        for name, place, (nodes, result) in zip(names, ("then_branch", "else_branch"), (first, second), strict=True):
            outputs = [_value_info(value) for value in tf.nest.flatten(result)]
            branches[place] = helper.make_graph(nodes, name, [], outputs)
            results.append(result)
        chosen = [
            tf.TensorSpec(_common(a.shape, b.shape), a.dtype, f"{'_or_'.join(names)}/{i}")
            for i, (a, b) in enumerate(zip(*map(tf.nest.flatten, results), strict=True))
        ]
        self.nodes.append(helper.make_node("If", [condition.name], [value.name for value in chosen], **branches))
        return tf.nest.pack_sequence_as(results[0], chosen)

    def model(self, name: str, inputs: list[Value], outputs: dict[str, Value]) -> onnx.ModelProto:
        """The graph `name` from `inputs` to `outputs`."""
        nodes = [*self.nodes, *(helper.make_node("Identity", [v.name], [output]) for output, v in outputs.items())]
        named = [tf.TensorSpec(value.shape, value.dtype, output) for output, value in outputs.items()]
        graph = helper.make_graph(nodes, name, list(map(_value_info, inputs)), list(map(_value_info, named)))
        used = {value for each in _graphs(graph) for node in each.node for value in node.input}
        graph.initializer.extend(tensor for tensor in self.weights.values() if tensor.name in used)
        _order(graph)
        _merge(graph)
        _rename(graph, self.layers)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))

    def _converted(self, function: Callable[..., Any], arguments: Any) -> tuple[list[onnx.NodeProto], Any]:
        """Convert a function. Returns its nodes, and the values that they make."""
        self.functions.append(getattr(function, "func", function).__name__.strip("_"))
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
        pool_channels(model.graph)
        fuse_clip(model.graph, self.opset)
        _pass_less(model.graph)
        for graph in reversed(list(_graphs(model.graph))):  # of loops first
            _name_outputs(graph)
        names = {f"given{i}": value.name for i, value in enumerate(given)}
        count = self.functions.count(self.functions[-1])
        prefix = f"{self.functions[-1]}/" + (f"{count}/" if count > 1 else "")
        for tensor in _weights(model.graph):
            named, tensor.name = tensor.name, ""
            content = tensor.SerializeToString()
            tensor.name = prefix + named
            names[named] = self.weights.setdefault(content, tensor).name
        _prefix(model.graph, names, prefix)
        nodes = list(model.graph.node)
        made = [
            tf.TensorSpec(tensor.shape, tensor.dtype, f"{prefix}made{i}")
            for i, tensor in enumerate(tf.nest.flatten(structure[-1]))
        ]
        return nodes, tf.nest.pack_sequence_as(structure[-1], made)


def _renamed(context: Any, node: Any, name: str, rest: list[str]) -> None:
    """Do no more: tf2onnx gives a node the first name of its handler by itself."""


def _simplify(graph: onnx.GraphProto) -> None:
    """Remove slices that take everything, and make Gather of those that take one index of one axis.

    Of two Reshape in a row, leave the second: tf2onnx does so at some places, and not at the same each time.
    """
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
        reshaped = {node.output[0]: node.input[0] for node in each.node if node.op_type == "Reshape"}
        for node in each.node:
            while node.op_type == "Reshape" and node.input[0] in reshaped and 0 not in values.get(node.input[1], [0]):
                node.input[0] = reshaped[node.input[0]]
    for each in _graphs(graph):
        used = {name for inner in _graphs(graph) for node in inner.node for name in node.input}
        used |= {value.name for value in each.output}
        kept = [node for node in each.node if node.op_type not in ("Slice", "Reshape") or node.output[0] in used]
        del each.node[:]
        each.node.extend(kept)


def _name_outputs(graph: onnx.GraphProto) -> None:
    """Let the node that makes a value name it after the first output that it is. Copy it for others, and constants.

    tf2onnx lets any of them be a copy of another.
    """
    copies = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    nodes = [node for node in graph.node if node.op_type != "Identity"]
    made = {output for node in nodes for output in node.output}

    def source(name: str) -> str:
        while name in copies:
            name = copies[name]
        return name

    names: dict[str, str] = {}
    for value in graph.output:
        if (first := source(value.name)) in made and first not in names:
            names[first] = value.name
    for each in _graphs(graph):
        for node in each.node if each is not graph else nodes:
            node.input[:] = [names.get(source(name), source(name)) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
    for value in graph.output:
        first = source(value.name)
        if names.get(first) != value.name:
            nodes.append(helper.make_node("Identity", [names.get(first, first)], [value.name]))
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)


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


def _prefix(graph: onnx.GraphProto, names: dict[str, str], prefix: str) -> None:
    """Rename all values: by `names`, or else with the prefix."""
    for each in _graphs(graph):
        del each.initializer[:], each.value_info[:]
        for value in [*each.input, *each.output]:
            value.name = names.get(value.name, prefix + value.name)
        for node in each.node:
            node.name = prefix + node.name
            node.input[:] = [name and names.get(name, prefix + name) for name in node.input]
            node.output[:] = [name and names.get(name, prefix + name) for name in node.output]


def _order(graph: onnx.GraphProto) -> None:
    """Sort nodes and weights in the order in which the outputs need them, so that every export gives the same bytes."""
    for node in graph.node:
        for body in _bodies(node):
            _order(body)
    makers = {output: node for node in graph.node for output in node.output}
    ordered: dict[int, onnx.NodeProto] = {}
    needed: dict[str, None] = {}
    waiting = [(value.name, False) for value in reversed(graph.output)]
    while waiting:
        name, is_ready = waiting.pop()
        node = makers.get(name)
        if node is None:
            needed[name] = None
        elif is_ready:
            ordered[id(node)] = node
        elif id(node) not in ordered:
            waiting.append((name, True))
            inner = [value for body in _bodies(node) for value in _taken(body)]
            waiting += [(value, False) for value in reversed([*node.input, *inner]) if value]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered.values()]
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    weights = [onnx.TensorProto.FromString(tensors[name].SerializeToString()) for name in needed if name in tensors]
    for field, entries in ((graph.node, nodes), (graph.initializer, weights)):
        del field[:]
        field.extend(entries)


def _merge(graph: onnx.GraphProto) -> None:
    """Merge nodes that do the same with the same. tf2onnx merges some, and not the same each time."""
    same: dict[str, str] = {}
    first: dict[bytes, onnx.NodeProto] = {}
    kept = []
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        node.ClearField("domain")  # empty, or not set
        for each in _inside(node):
            each.input[:] = [same.get(name, name) for name in each.input]
        for body in _bodies(node):
            _merge(body)
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        copy.ClearField("output")
        copy.ClearField("name")
        former = first.setdefault(copy.SerializeToString(), node)
        if former is node or not outputs.isdisjoint(node.output):
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
        else:
            same |= zip(node.output, former.output, strict=True)
    del graph.node[:]
    graph.node.extend(kept)


def _inside(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """A node and those of its bodies."""
    yield node
    for body in _bodies(node):
        for each in body.node:
            yield from _inside(each)


def _bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def _taken(graph: onnx.GraphProto) -> list[str]:
    """What the nodes of a graph take from around it, in their order."""
    made = {value.name for value in graph.input} | {output for node in graph.node for output in node.output}
    taken = [name for node in graph.node for each in _inside(node) for name in each.input]
    return [name for name in dict.fromkeys([*taken, *(value.name for value in graph.output)]) if name not in made]


def _rename(graph: onnx.GraphProto, layers: Collection[str]) -> None:
    """Name every node FUNCTION or FUNCTION/LAYER, with a number, and all weights. Number the values between them.

    The operator of a node is known without its name. A value is named by the node that makes it and by each that takes
    it. Short names save a third of the bytes beside the weights. tf2onnx numbers its names through a whole process, and
    keeps any name of nodes that are the same.
    """
    used: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    names = {"": ""} | {value.name: value.name for value in [*graph.input, *graph.output]}

    def unique(*parts: str) -> str:
        name = "/".join(parts)
        used[name] += 1
        return name if used[name] == 1 else f"{name}{used[name]}"

    def scope(name: str) -> list[str]:
        function, *inner = name.split("/")
        return [function, *(part for part in inner[:1] if part in layers)]

    def visit(graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            where = scope(tensor.name)[1:] if math.prod(tensor.dims) > 1 else []
            what = "constant" if not where else "bias" if len(tensor.dims) == 1 else "weight"
            tensor.name = names.setdefault(tensor.name, unique(*where, what))
        for value in graph.input:
            value.name = names.setdefault(value.name, unique(*scope(value.name)[:1], "input"))
        for node in graph.node:
            node.input[:] = [names[name] for name in node.input]
            for body in _bodies(node):
                body.name = re.sub(r"_*\d+$", "", body.name)
                visit(body)
            place = "/".join(scope(node.output[0]))
            numbers[place] += 1
            node.name = f"{place}/{numbers[place]}"
            for i, output in enumerate(node.output):
                node.output[i] = names.setdefault(output, _letters(len(names)))
        for value in graph.output:
            value.name = names[value.name]
        for value in [*graph.input, *graph.output]:
            for dimension in value.type.tensor_type.shape.dim:
                dimension.ClearField("dim_param")
        del graph.value_info[:]

    visit(graph)


def _letters(number: int) -> str:
    """Name number 0, 1 ... in letters: a, b ... Z, aa, ab ... ZZ, aaa ..."""
    number, last = divmod(number, len(ascii_letters))
    return (_letters(number - 1) if number else "") + ascii_letters[last]


def _pass_less(graph: onnx.GraphProto) -> None:
    """Let a loop's body take from around it what tf2onnx passes on unchanged: each round would copy it."""
    for each in list(_graphs(graph)):
        for node in each.node:
            if node.op_type != "Loop":
                continue
            (body,) = _bodies(node)
            copies = {inner.output[0]: inner.input[0] for inner in body.node if inner.op_type == "Identity"}
            same: dict[str, str] = {}
            for i in reversed(range(2, len(body.input))):
                passed, output = body.input[i].name, body.output[i - 1].name
                if copies.get(output, output) == passed:
                    same |= {passed: node.input[i], node.output[i - 2]: node.input[i]}
                    del body.input[i], body.output[i - 1], node.input[i], node.output[i - 2]
            for user in [inner for inside in _graphs(graph) for inner in inside.node]:
                user.input[:] = [same.get(name, name) for name in user.input]
