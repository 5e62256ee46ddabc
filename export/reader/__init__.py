"""The graph of reader.onnx: what model/reader does, in operators of ONNX.

Instead of lists of parts there are tensors of all cells, parts, groups and spans of all sheets, one after another, each
with the number of what it belongs to. Shapes in comments: B sheets, N cells with ink, K parts on the fullest sheet, G
groups, U groups to cut, C columns of the widest grid of these, E pieces of ink that are read.

read() goes through the rooms in this order: canvases, looking, shading, connecting, grouping, judging, cutting with
cuts, ordering. imaging and tensors serve several.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import onnx
import tensorflow as tf

from export.contract import MAPS, READER, READER_OPSET, READER_SUMMARY, VERSION
from export.convert import name_dimensions, probabilities, training_data
from export.reader import canvases, connecting, cutting, grouping, judging, looking, ordering, shading
from export.reader.cuts import Networks
from export.reader.tensors import Tensor
from export.stages import Stages
from model.normalize import averaged, separated
from model.record import TrainingRecord


def to_onnx(networks: dict[str, keras.Model], records: dict[str, TrainingRecord]) -> onnx.ModelProto:
    """Convert the reader with both trained networks to its graph. `records` are the checkpoints', for the metadata."""

    def lenet5(images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        maps: dict[str, Tensor] = {}
        answers = probabilities(networks["lenet5"], images, inside=maps)
        named = {layer: maps[layer] for layer in MAPS}
        return answers, {n: tf.transpose(m, (0, 3, 1, 2)) if m.shape.rank == 4 else m for n, m in named.items()}

    judges = Networks(lenet5, partial(probabilities, networks["ffnn"]))
    sketch = tf.TensorSpec([None, None, None], tf.uint8, "sketch")
    stages = Stages(READER_OPSET, {layer.name for network in networks.values() for layer in network.layers})
    outputs = read(sketch, judges, stages.call, stages.choose)
    model = stages.model("reader", [sketch], outputs)
    name_dimensions(model.graph, READER)
    onnx.helper.set_model_props(model, metadata_of(records))
    return model


def metadata_of(records: dict[str, TrainingRecord]) -> dict[str, str]:
    """Describe the reader, for the file's metadata. `records` are those of both networks."""
    data = dict.fromkeys(part for record in records.values() for part in training_data(record).split(", "))
    return {
        "name": "reader",
        "version": VERSION,
        "license": "MIT",
        "training_data": ", ".join(data),
        "accuracy": "; ".join(f"{name}: {record.test} of MNIST's test digits" for name, record in records.items()),
        "input": READER_SUMMARY,
    }


def read(sketch: Tensor, networks: Networks, call: Callable[..., Any], choose: Callable[..., Any]) -> dict[str, Tensor]:
    """Read sketches, uint8 [B, height, width].

    `call(function, *arguments)` calls a function of tensors, and `choose(condition, function, other, *arguments)` calls
    the first function if the condition holds, else the other. They compute in TensorFlow, or make the graph.
    """
    sketches = call(averaged, sketch)
    may_hold_canvases = call(canvases.any_may_hold_canvases, sketches)
    sketches = choose(may_hold_canvases, canvases.turn, canvases.leave, sketches)
    first = separated(sketches, call, choose)
    is_unclear = call(looking.is_any_unclear, first)
    looks, clearness = choose(is_unclear, looking.thrice, looking.once, first)
    pages, shades, have_lines = call(shading.shades, looks, first.level, first.above)
    least = choose(have_lines, shading.least_on_lines, shading.least, shades)
    ink, cells, parts, counts, are_several, have_one = call(connecting.find, pages, shades, least)
    ends = choose(are_several, connecting.ends, connecting.no_ends, shades, cells, parts)
    rows, are_linked = choose(are_several, grouping.rows, grouping.no_rows, parts, counts, ends)
    linked = ink, shades, cells, parts, counts, ends, rows
    cells, parts, counts, ends = choose(are_linked, grouping.split, grouping.as_found, *linked)
    found = pages, cells, parts, counts, ends
    cells, groups, images, pictures = choose(are_several, grouping.many, grouping.one_each, *found)
    judge, join, cut = (partial(function, networks) for function in (judging.judge, judging.join, cutting.cut))
    read_whole, read_pictures, pairs, may_be_one = call(judge, groups, images, pictures)
    judged = cells, groups, images, read_whole, pairs, pages
    groups, images, read_whole, cells = choose(may_be_one, join, judging.apart, *judged)
    doubtful, is_doubtful = call(cutting.doubtful, groups, read_whole, pages)
    laid = cells, groups, doubtful, ink, pages
    doubts, may_be_cut = choose(is_doubtful, cutting.doubts, cutting.no_doubts, *laid)
    doubted = groups, images, read_whole, doubtful, doubts, pages, have_one
    entries, have_one = choose(may_be_cut, cut, cutting.uncut, *doubted)
    return choose(have_one, ordering.as_they_are, ordering.in_order, entries, read_pictures, pages, clearness)
