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
    outputs = read(sketch, judges, stages.call, stages.choose, stages.branch)
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


def read(
    sketch: Tensor, networks: Networks, call: Callable[..., Any], choose: Callable[..., Any], branch: Callable[..., Any]
) -> dict[str, Tensor]:
    """Read sketches, uint8 [B, height, width].

    `call(function, *arguments)` calls a function of tensors, and `choose(condition, function, other, *arguments)` calls
    the first function if the condition holds, else the other. They compute in TensorFlow, or make the graph.
    `branch(condition, steps, other, *arguments)` does as `choose` does, but `steps` calls and chooses, too.
    """
    sketches = call(averaged, sketch)
    may_hold_canvases = call(canvases.any_may_hold_canvases, sketches)
    sketches = choose(may_hold_canvases, canvases.turn, canvases.leave, sketches)
    first = separated(sketches, call, choose)
    are_looked_at_again = call(looking.is_any_looked_at_again, first)
    looks, clearness = choose(are_looked_at_again, looking.again, looking.once, first)
    pages, shades, have_lines = call(shading.shades, looks, first.level, first.above)
    least = choose(have_lines, shading.least_on_lines, shading.least, shades)
    has_ink = call(connecting.has_ink, shades, least)
    judge, join, cut = (partial(function, networks) for function in (judging.judge, judging.join, cutting.cut))

    def in_ink(pages: Any, shades: Any, least: Tensor, clearness: Any) -> Any:
        """Read what stands on sheets that are not all blank."""
        cells, parts, counts, are_several, have_one = call(connecting.find, pages, shades, least)
        found = pages, shades, cells, parts, counts
        cells, groups, images, pictures = branch(are_several, several, grouping.one_each, *found)
        judged, are_unsure = call(judge, groups, images, pictures, have_one)
        arguments = groups, images, judged, pages, cells, shades.ink, have_one, clearness
        return branch(are_unsure, step_by_step, ordering.at_once, *arguments)

    def several(pages: Any, shades: Any, cells: Any, parts: Any, counts: Tensor) -> Any:
        """Put parts in groups."""
        ends = call(connecting.ends, shades, cells, parts)
        rows, are_linked = call(grouping.rows, parts, counts, ends)
        linked = shades, cells, parts, counts, ends, rows
        cells, parts, counts, ends = choose(are_linked, grouping.split, grouping.as_found, *linked)
        return call(grouping.many, pages, cells, parts, counts, ends)

    def step_by_step(groups: Any, images: Tensor, judged: Any, pages: Any, cells: Any, ink: Tensor, *rest: Any) -> Any:
        """Join and cut groups, and put them in order."""
        have_one, clearness = rest
        read_whole, read_pictures, pairs, may_be_one = call(judging.neighbours, groups, images, judged)
        to_join = cells, groups, images, read_whole, pairs, pages
        groups, images, read_whole, cells = choose(may_be_one, join, judging.apart, *to_join)
        doubtful, is_doubtful = call(cutting.doubtful, groups, read_whole, pages)
        whole = groups, images, read_whole, doubtful, have_one
        entries, have_one = branch(is_doubtful, doubted, cutting.all_whole, *whole, cells, ink, pages)
        arguments = entries, read_pictures, pages, clearness
        return choose(have_one, ordering.as_they_are, ordering.in_order, *arguments)

    def doubted(*arguments: Any) -> Any:
        """Cut the doubtful groups where seams lead through them."""
        *whole, cells, ink, pages = arguments
        groups, _, _, doubtful, _ = whole
        doubts, may_be_cut = call(cutting.doubts, groups, doubtful, cells, ink, pages)
        return choose(may_be_cut, cut, cutting.all_whole, *whole, doubts, pages)

    return branch(has_ink, in_ink, ordering.nothing, pages, shades, least, clearness)
