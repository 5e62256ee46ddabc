"""The graph of reader.onnx: what model/reader.py does, in operators of ONNX.

Instead of lists of parts there are tensors of all cells, parts, groups and spans of all sheets, one after another, each
with the number of what it belongs to. Shapes in comments: B sheets, N cells with ink, K parts on the fullest sheet, G
groups, U groups to cut, M pieces of the most divided of them, S spans, E pieces of ink that are read.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import onnx
import tensorflow as tf

from export.contract import MAPS, READER, READER_OPSET, READER_SUMMARY, VERSION
from export.convert import probabilities, training_data
from export.stages import Stages
from model import reader
from model.normalize import BOX, CENTRE, GRID, SIDE, separate
from model.record import TrainingRecord

Tensor = Any
FAR = np.float32(1e9)


class Cells(NamedTuple):
    """Cells with ink, [N] each."""

    owner: Tensor
    """Number of the part, group or piece that it belongs to."""
    y: Tensor
    x: Tensor
    ink: Tensor
    cover: Tensor

    def where(self, inside: Tensor, owner: Tensor) -> "Cells":
        """Some of the cells, with other owners."""
        (index,) = _where(inside)
        return Cells(*(tf.gather(values, index) for values in (owner, *self[1:])))


class Areas(NamedTuple):
    """Boxes around ink and its centre of mass, in cells, [n] each."""

    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    y: Tensor
    x: Tensor

    def gather(self, index: Tensor) -> "Areas":
        """Some of the areas."""
        return Areas(*(tf.gather(values, index) for values in self))


class Groups(NamedTuple):
    """Groups, [G] each but for `areas`."""

    sheet: Tensor
    line: Tensor
    height: Tensor
    """Of the line."""
    areas: Areas


class Pages(NamedTuple):
    """The sheets from which images are taken."""

    level: Tensor
    """Dark ink, [B, height, width]."""
    paper: Tensor
    """The paper's level, [B, GRID, GRID]."""
    cell: Tensor
    """Pixels a side of a cell."""
    image: Tensor
    """Each sheet as one digit, [B, 28, 28]."""


class Parts(NamedTuple):
    """Connected parts, [C] each."""

    sheet: Tensor
    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor


class Entries(NamedTuple):
    """Pieces of ink and how they are read, [E, ...] each."""

    sheet: Tensor
    line: Tensor
    x: Tensor
    """Of their group's centre."""
    piece: Tensor
    """Their number in the group."""
    boxes: Tensor
    probabilities: Tensor
    images: Tensor
    maps: dict[str, Tensor]
    """What LeNet5's layers made of them."""


Networks = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]
"""Reads images [n, 28, 28]: probabilities [n, 2, 10], and what the layers MAPS of LeNet5 make of them."""


def to_onnx(networks: dict[str, keras.Model], records: dict[str, TrainingRecord]) -> onnx.ModelProto:
    """Convert the reader with both trained networks to its graph. `records` are the checkpoints', for the metadata."""

    def judge(images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        maps: dict[str, Tensor] = {}
        both = [probabilities(network, images, inside=maps) for network in networks.values()]
        first = {layer: maps[layer] for layer in MAPS}
        return tf.stack(both, axis=1), {
            n: tf.transpose(m, (0, 3, 1, 2)) if m.shape.rank == 4 else m for n, m in first.items()
        }

    sketch = tf.TensorSpec([None, None, None], tf.uint8, "sketch")
    stages = Stages(READER_OPSET)
    outputs = read(sketch, judge, stages.call, stages.choose)
    model = stages.model([sketch], outputs)
    for value in [*model.graph.input, *model.graph.output]:
        for dimension, size in zip(value.type.tensor_type.shape.dim, READER[value.name][1], strict=True):
            dimension.Clear()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
    onnx.helper.set_model_props(model, _metadata(records))
    return model


def _metadata(records: dict[str, TrainingRecord]) -> dict[str, str]:
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
    pages, ink, cells, parts, counts, are_several = call(_find, sketch)
    cells, groups, images, pictures = choose(are_several, _several, _one_each, pages, cells, parts, counts)
    read_whole, read_pictures, doubtful, is_doubtful = call(partial(_judge, networks), pages, groups, images, pictures)
    cut = partial(_cut, networks)
    entries = choose(is_doubtful, cut, _uncut, cells, groups, images, read_whole, doubtful, ink, pages)
    return call(_in_order, entries, read_pictures, pages)


def _find(sketch: Tensor) -> tuple[Any, ...]:
    image, sign, paper, found = separate(sketch)
    level = tf.cast(sketch, tf.float32) * sign
    height, width = tf.shape(sketch)[1], tf.shape(sketch)[2]
    pixels = tf.cast(height * width, tf.float32)
    cell = tf.cast(tf.math.ceil(tf.sqrt(pixels / reader.CELLS)), tf.int32)
    ink = _ink(level, paper, found, cell, image)
    cells, parts = _parts(ink)
    counts = _count(parts.sheet, tf.ones_like(parts.sheet), tf.shape(sketch)[0])
    pages = Pages(level, paper, tf.cast(cell, tf.float32), image)
    return pages, ink, cells, parts, counts, tf.reduce_max(counts) > 1


def _count(owner: Tensor, amount: Tensor, owners: Tensor) -> Tensor:
    return tf.tensor_scatter_nd_add(tf.zeros([owners], amount.dtype), owner[:, None], amount)


def _one_each(pages: Pages, cells: Cells, parts: Parts, counts: Tensor) -> tuple[Any, ...]:
    areas = _areas(cells, parts[1:])
    groups = Groups(parts.sheet, tf.zeros_like(parts.sheet), parts.bottom - parts.top, areas)
    images = tf.gather(pages.image, parts.sheet)
    return cells, groups, images, images[:0]


def _several(pages: Pages, cells: Cells, parts: Parts, counts: Tensor) -> tuple[Any, ...]:
    cells, groups = _groups(cells, parts.sheet, parts[1:], counts)
    images = _images(cells, groups.sheet, groups.areas, pages)
    alone = _count(groups.sheet, tf.ones_like(groups.sheet), tf.size(counts))
    is_alone = tf.cast(tf.gather(alone, groups.sheet) == 1, tf.float32)[:, None, None]
    return cells, groups, images + is_alone * (tf.gather(pages.image, groups.sheet) - images), pages.image


def _judge(networks: Networks, pages: Pages, groups: Groups, images: Tensor, pictures: Tensor) -> tuple[Any, ...]:
    """Ask the networks, about whole sheets too, `pictures`; and tell which groups are to be cut."""
    judged = _judged(networks, tf.concat([images, pictures], axis=0))
    of_groups = tf.shape(images)[0]
    probabilities, maps = tf.nest.map_structure(lambda values: values[:of_groups], judged)
    read_pictures = tf.nest.map_structure(lambda values: values[of_groups:], judged)
    sure = tf.reduce_max(probabilities[:, 2], axis=1)
    wide, high = groups.areas.right - groups.areas.left, groups.areas.bottom - groups.areas.top
    doubtful = (wide > reader.NARROW * high) & (wide < reader.WIDEST * high) & (high > reader.SMALL * groups.height)
    doubtful &= (sure < reader.SURE) | (wide > high)
    many = _count(groups.sheet, tf.cast(doubtful, tf.int32), tf.shape(pages.image)[0])
    doubtful &= tf.gather(many, groups.sheet) <= reader.TO_CUT
    return (probabilities, maps), read_pictures, doubtful, tf.reduce_any(doubtful)


def _uncut(
    cells: Cells, groups: Groups, images: Tensor, read_whole: Any, doubtful: Tensor, ink: Tensor, pages: Pages
) -> Entries:
    boxes = tf.stack(groups.areas[:4], axis=1)
    piece, (probabilities, maps) = tf.zeros_like(groups.sheet), read_whole
    return Entries(groups.sheet, groups.line, groups.areas.x, piece, boxes, probabilities, images, maps)


def _ink(level: Tensor, paper: Tensor, found: Tensor, cell: Tensor, image: Tensor) -> Tensor:
    """Ink of each cell, 0 where there is none: [B, rows, columns]."""
    height, width = tf.shape(level)[1], tf.shape(level)[2]
    rows, columns = height // cell, width // cell
    cells = tf.reshape(level[:, : rows * cell, : columns * cell], [-1, rows, cell, columns, cell])
    cells = tf.reduce_mean(cells, axis=(2, 4))
    both = tf.stack([-paper, found], axis=3)
    around = tf.nn.max_pool2d(both, 3, 1, "SAME")
    darkest = tf.where(around[..., 1] > 0, -around[..., 0], -FAR)
    y = (2 * tf.range(rows) + 1) * cell * GRID // (2 * height)
    x = (2 * tf.range(columns) + 1) * cell * GRID // (2 * width)
    ink = tf.gather(tf.gather(darkest, y, axis=1), x, axis=2) - cells
    strongest = tf.reduce_max(ink, axis=(1, 2), keepdims=True)
    has_ink = (strongest >= reader.CONTRAST) & (tf.reduce_max(image, axis=(1, 2), keepdims=True) > 0)
    least = tf.where(has_ink, reader.INK * strongest, FAR)
    return tf.where(ink > least, ink, 0.0)


def _parts(ink: Tensor) -> tuple[Cells, Parts]:
    """Find connected parts."""
    sheet, y, x = _where(ink > 0)
    rows, columns = tf.shape(ink)[1], tf.shape(ink)[2]
    level = tf.gather(tf.reshape(ink, [-1]), (sheet * rows + y) * columns + x)

    # Runs of cells in a row, and which of them touch a run in the row above
    place = (sheet * (rows + 1) + y + 1) * (columns + 2) + x + 1  # with a row above and columns around each sheet
    is_start = tf.concat([tf.ones_like(place[:1]), place[1:] - place[:-1] - 1], axis=0) != 0
    is_end = tf.concat([is_start[1:], tf.ones_like(is_start[:1])], axis=0)
    run = tf.cumsum(tf.cast(is_start, tf.int32)) - 1
    size = tf.shape(ink)[0] * (rows + 1) * (columns + 2)
    runs = tf.tensor_scatter_nd_update(tf.fill([size], -1), place[:, None], run)
    above = place - columns - 2
    left, over, right = (tf.gather(runs, above + step) for step in (-1, 0, 1))
    touches = tf.concat(
        [
            (over >= 0) & (is_start | (left != over)),
            (left >= 0) & (over < 0) & is_start,
            (right >= 0) & (over < 0) & is_end,
        ],
        axis=0,
    )
    (touching,) = _where(touches)
    one = tf.gather(tf.concat([run, run, run], axis=0), touching)
    other = tf.gather(tf.concat([over, left, right], axis=0), touching)

    def spread(label: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
        """Give both runs, and the runs that their labels name, the larger label."""
        mine, theirs = tf.gather(label, one), tf.gather(label, other)
        larger = tf.maximum(mine, theirs)
        to = tf.concat([mine, theirs, one, other], axis=0)
        spread = tf.tensor_scatter_nd_max(label, to[:, None], tf.concat([larger] * 4, axis=0))
        for _ in range(3):
            spread = tf.gather(spread, spread)
        return spread, tf.reduce_any(spread != label)

    numbers = tf.cumsum(tf.ones_like(tf.gather(run, _where(is_start)[0]))) - 1
    label, changed = spread(numbers, tf.constant(True))
    for _ in range(2):  # is enough for digits; a loop takes longer
        label, changed = spread(label, changed)
    label, _ = tf.while_loop(lambda label, changed: changed, spread, [label, changed])
    part_of_run = tf.cumsum(tf.cast(label == numbers, tf.int32)) - 1
    owner = tf.gather(tf.gather(part_of_run, label), run)
    count = tf.reduce_max(tf.concat([part_of_run, [-1]], axis=0)) + 1

    strongest = tf.tensor_scatter_nd_max(tf.zeros([count]), owner[:, None], level)
    cells = Cells(owner, tf.cast(y, tf.float32), tf.cast(x, tf.float32), level, level / tf.gather(strongest, owner))
    sheets = tf.tensor_scatter_nd_max(tf.zeros([count], tf.int32), owner[:, None], sheet)
    return cells, Parts(sheets, *_boxes(cells, count))


def _boxes(cells: Cells, count: Tensor) -> list[Tensor]:
    owner, far = cells.owner[:, None], tf.fill([count], FAR)
    return [
        tf.tensor_scatter_nd_min(far, owner, cells.x + 1 - cells.cover),
        tf.tensor_scatter_nd_min(far, owner, cells.y + 1 - cells.cover),
        tf.tensor_scatter_nd_max(-far, owner, cells.x + cells.cover),
        tf.tensor_scatter_nd_max(-far, owner, cells.y + cells.cover),
    ]


def _moments(cells: Cells, count: Tensor) -> list[Tensor]:
    """Mass, and its moments along y and x, [count] each."""
    weights = (cells.ink, cells.ink * (cells.y + 0.5), cells.ink * (cells.x + 0.5))
    return [tf.tensor_scatter_nd_add(tf.zeros([count]), cells.owner[:, None], weight) for weight in weights]


def _areas(cells: Cells, boxes: Sequence[Tensor]) -> Areas:
    mass, y, x = _moments(cells, tf.size(boxes[0]))
    left, top, right, bottom = boxes
    return Areas(left, top, right, bottom, y / mass, x / mass)


def _groups(cells: Cells, sheet: Tensor, boxes: Sequence[Tensor], counts: Tensor) -> tuple[Cells, Groups]:
    """Put parts in lines, and join those that make up one digit."""
    sheets = tf.size(counts)
    first = tf.cumsum(counts, exclusive=True)
    most = tf.reduce_max(counts)
    slot = tf.range(tf.size(sheet)) - tf.gather(first, sheet)
    size = tf.maximum(boxes[2] - boxes[0], boxes[3] - boxes[1])
    sizes = tf.tensor_scatter_nd_update(tf.fill([sheets, most], -1.0), tf.stack([sheet, slot], axis=1), size)
    largest, index = tf.math.top_k(sizes, tf.minimum(most, reader.PARTS))  # [B, K], the largest first
    exists = largest >= 0
    part = tf.minimum(first[:, None] + index, tf.size(sheet) - 1)
    left, top, right, bottom = (tf.gather(side, part) for side in boxes)
    high, wide, size = bottom - top, right - left, tf.maximum(largest, 0.0)

    quarter = tf.minimum(counts, reader.PARTS)[:, None] // 4
    number = tf.range(tf.shape(part)[1])  # [K]
    usual = tf.reduce_sum(tf.where(number == quarter, size, 0.0), axis=1, keepdims=True)
    tall = exists & (high >= reader.TALL * usual)
    tall |= exists & (number == 0) & ~tf.reduce_any(tall, axis=1, keepdims=True)
    down = _shared(top, bottom)  # [B, K, K]
    lower = _pairs(tf.minimum, high)
    same = _closed(_both(tall) & (down > reader.BESIDE * lower))
    line = _first(same > 0)
    line_height = tf.reduce_max(same * high[:, None], axis=2)
    away = tf.maximum(-_shared(left, right), 0.0) + tf.maximum(-down, 0.0)
    nearest = tf.argmin(tf.where(tall[:, None], away, FAR), axis=2, output_type=tf.int32)
    nearest = tf.where(tall, number, nearest)
    line, line_height = (tf.gather(values, nearest, batch_dims=1) for values in (line, line_height))

    highest = tf.reduce_max(tf.where(tall, line_height, 0.0), axis=1, keepdims=True)
    counted = exists & (line_height >= reader.LOW_LINE * highest) & (size >= reader.SPECK * line_height)
    in_line = _both(counted) & (line[:, :, None] == line[:, None])
    belong = (lower < reader.SMALL * line_height[:, :, None]) & (
        _shared(left, right) >= reader.OVER * _pairs(tf.minimum, wide)
    )
    joined = _closed(in_line & belong)
    joined = joined > 0
    leader = _first(joined)
    leads = counted & (leader == number)
    left, top = (tf.reduce_min(tf.where(joined, side[:, None], FAR), axis=2) for side in (left, top))
    right, bottom = (tf.reduce_max(tf.where(joined, side[:, None], -FAR), axis=2) for side in (right, bottom))

    led = tf.cast(in_line & leads[:, None], tf.float32)  # [B, K, K]: the groups of each one's line
    middle = tf.reduce_sum(led * (top + bottom)[:, None], axis=2) / tf.maximum(tf.reduce_sum(led, axis=2), 1.0)
    begins = leads & (_first(led > 0) == number)  # the first group of its line
    lines_above = begins[:, None] & ~in_line & (middle[:, None] < middle[:, :, None])
    row = tf.reduce_sum(tf.cast(lines_above, tf.int32), axis=2)

    chosen_sheet, chosen = _where(leads)
    chosen = chosen_sheet * tf.size(number) + chosen
    group = tf.reshape(tf.cumsum(tf.cast(tf.reshape(leads, [-1]), tf.int32)) - 1, tf.shape(leads))
    group = tf.where(counted, tf.gather(group, leader, batch_dims=1), -1)
    to = tf.where(exists, part, tf.size(sheet))
    groups = tf.tensor_scatter_nd_max(
        tf.fill([tf.size(sheet) + 1], -1), tf.reshape(to, [-1, 1]), tf.reshape(group, [-1])
    )
    owner = tf.gather(groups, cells.owner)
    cells = cells.where(owner >= 0, owner)
    box = [tf.gather(tf.reshape(side, [-1]), chosen) for side in (left, top, right, bottom)]
    row, line_height = (tf.gather(tf.reshape(values, [-1]), chosen) for values in (row, line_height))
    return cells, Groups(chosen_sheet, row, line_height, _areas(cells, box))


def _first(condition: Tensor) -> Tensor:
    """The first index along the last axis for which a condition holds; runtimes differ in ArgMax of equal values."""
    count = tf.shape(condition)[-1]
    return tf.reduce_min(tf.where(condition, tf.range(count), count), axis=-1)


def _pairs(function: Callable[[Tensor, Tensor], Tensor], values: Tensor) -> Tensor:
    return function(values[:, :, None], values[:, None])


def _both(values: Tensor) -> Tensor:
    return _pairs(tf.logical_and, values)


def _shared(start: Tensor, end: Tensor) -> Tensor:
    return _pairs(tf.minimum, end) - _pairs(tf.maximum, start)


def _closed(related: Tensor) -> Tensor:
    """Whether a chain of related parts leads from one to the other, 1.0 or 0.0: [B, K, K]."""
    reached = tf.maximum(tf.cast(related, tf.float32), tf.eye(tf.shape(related)[1]))
    for _ in range(reader.PARTS.bit_length() - 1):
        reached = tf.minimum(tf.matmul(reached, reached), 1.0)
    return reached


def _images(cells: Cells, sheet: Tensor, areas: Areas, pages: Pages) -> Tensor:
    """Normalize areas [n] to images [n, 28, 28]; the cells of each name it as owner."""
    height, width = tf.shape(pages.level)[1], tf.shape(pages.level)[2]
    step = tf.maximum(tf.maximum(areas.right - areas.left, areas.bottom - areas.top), 0.1) * (pages.cell / BOX)
    y, x = areas.y * pages.cell, areas.x * pages.cell
    down, across = (_intervals(middle, step, side) for middle, side in ((y, height), (x, width)))

    # How much darker than white paper the pixels are, summed from the corner of the sheet, in whole numbers. The sums
    # from the corner of an area fit float32.
    white = tf.math.ceil(tf.reduce_max(pages.paper))
    sums = tf.cumsum(tf.cumsum(tf.cast(white - pages.level, tf.int32), axis=1), axis=2)
    sums = tf.reshape(tf.pad(sums, [[0, 0], [1, 0], [1, 0]]), [-1])
    rows = (sheet[:, None] * (height + 1) + down.pixel) * (width + 1)  # [n, 29]
    first_row, first_column = rows[:, :1], across.pixel[:, :1]
    start = tf.gather(sums, first_row + first_column)

    def summed(rows: Tensor, columns: Tensor) -> Tensor:
        beside = tf.gather(sums, rows + first_column) - start
        above = tf.gather(sums, first_row + columns)
        all_of = tf.gather(sums, rows[:, :, None] + columns[:, None])
        return tf.cast(all_of - above[:, None] - beside[:, :, None], tf.float32)

    upper, lower = (
        summed(row, across.pixel) * (1 - across.beyond[:, None])
        + summed(row, across.pixel + 1) * across.beyond[:, None]
        for row in (rows, rows + width + 1)
    )
    sums = upper + (lower - upper) * down.beyond[:, :, None]  # [n, 29, 29]
    sums = sums[:, 1:] - sums[:, :-1]
    darkness = sums[:, :, 1:] - sums[:, :, :-1]
    covered = down.length[:, :, None] * across.length[:, None]
    paper = tf.gather(
        tf.reshape(pages.paper, [-1]), _crossed((sheet[:, None] * GRID + down.paper) * GRID, across.paper)
    )

    at_y, at_x = (
        tf.cast(
            tf.floor(
                (place + 0.5) * pages.cell / tf.gather(step, cells.owner)
                - tf.gather(middle / step, cells.owner)
                + CENTRE
            ),
            tf.int32,
        )
        for place, middle in ((cells.y, y), (cells.x, x))
    )
    inside = (at_y >= 0) & (at_y < SIDE) & (at_x >= 0) & (at_x < SIDE)
    at = tf.where(inside, (cells.owner * SIDE + at_y) * SIDE + at_x, tf.size(sheet) * SIDE * SIDE)
    near = tf.tensor_scatter_nd_update(tf.zeros([tf.size(sheet) * SIDE * SIDE + 1]), at[:, None], tf.ones_like(cells.y))
    near = tf.nn.max_pool2d(tf.reshape(near[:-1], [-1, SIDE, SIDE, 1]), 3, 1, "SAME")[..., 0]
    image = tf.nn.relu((paper - white) * covered + darkness) * near
    return image / tf.maximum(tf.reduce_max(image, axis=(1, 2), keepdims=True), 1e-6)


class _Intervals(NamedTuple):
    """The pixels of images along one axis of their sheets."""

    pixel: Tensor
    """The sheet's pixel in which each edge lies, [n, 29]."""
    beyond: Tensor
    """How far the edge lies beyond that pixel's start, [n, 29]."""
    length: Tensor
    """Of the sheet's pixels in each image pixel, [n, 28]."""
    paper: Tensor
    """The cell of the paper in which each image pixel's middle lies, [n, 28]."""


def _intervals(middle: Tensor, step: Tensor, side: Tensor) -> _Intervals:
    length = tf.cast(side, tf.float32)
    edges = middle[:, None] + step[:, None] * (np.arange(SIDE + 1, dtype=np.float32) - CENTRE)
    edges = tf.clip_by_value(edges, 0.0, length)
    pixel = tf.minimum(tf.cast(edges, tf.int32), side - 1)
    centre = middle[:, None] + step[:, None] * (np.arange(SIDE, dtype=np.float32) + 0.5 - CENTRE)
    paper = tf.clip_by_value(tf.cast(centre * GRID / length, tf.int32), 0, GRID - 1)
    return _Intervals(pixel, edges - tf.cast(pixel, tf.float32), edges[:, 1:] - edges[:, :-1], paper)


def _crossed(rows: Tensor, columns: Tensor) -> Tensor:
    return rows[:, :, None] + columns[:, None]


def _judged(networks: Networks, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Probabilities [n, 3, 10]: LeNet5's, FFNN's, and their mean; LeNet5's maps."""
    both, maps = networks(images)
    return tf.concat([both, tf.reduce_mean(both, axis=1, keepdims=True)], axis=1), maps


def _cut(
    networks: Networks,
    cells: Cells,
    groups: Groups,
    images: Tensor,
    read_whole: Any,
    doubtful: Tensor,
    ink: Tensor,
    pages: Pages,
) -> Entries:
    """Cut the doubtful groups into pieces, and join these to digits."""
    whole = _uncut(cells, groups, images, read_whole, doubtful, ink, pages)
    (unsure,) = _where(doubtful)
    rows, columns = tf.shape(ink)[1], tf.shape(ink)[2]
    number = tf.cumsum(tf.cast(doubtful, tf.int32)) - 1
    owner = tf.where(tf.gather(doubtful, cells.owner), tf.gather(number, cells.owner), -1)
    cells = cells.where(owner >= 0, owner)
    area, sheet, line_height = (
        groups.areas.gather(unsure),
        tf.gather(groups.sheet, unsure),
        tf.gather(groups.height, unsure),
    )
    count = tf.size(unsure)

    # Each group on a grid of ROWS rows
    scale = reader.ROWS / (area.bottom - area.top)
    breadth = tf.cast((area.right - area.left) * scale, tf.int32) + 2
    broadest = tf.reduce_max(breadth)
    row, column = np.arange(reader.ROWS, dtype=np.float32), tf.range(broadest)
    y = tf.cast((row + 0.5) / scale[:, None] + area.top[:, None], tf.int32)
    x = tf.cast((tf.cast(column, tf.float32) - 0.5) / scale[:, None] + area.left[:, None], tf.int32)
    y, x = tf.clip_by_value(y, 0, rows - 1), tf.clip_by_value(x, 0, columns - 1)
    place = (tf.gather(sheet, cells.owner) * rows + tf.cast(cells.y, tf.int32)) * columns + tf.cast(cells.x, tf.int32)
    owners = tf.tensor_scatter_nd_update(tf.fill([tf.size(ink)], -1), place[:, None], cells.owner)
    within = (column > 0) & (column < breadth[:, None] - 1)  # [U, columns]
    filled = tf.gather(owners, _crossed((sheet[:, None] * rows + y) * columns, x)) == tf.range(count)[:, None, None]
    filled = tf.cast(filled & within[:, None], tf.float32)

    paths, costs, exists = _seams(filled, breadth)  # [U, seams, ROWS], [U, seams], [U, seams]
    seams = tf.shape(costs)[1]

    # The piece of each cell: the number of seams on its left
    wide = broadest + 1
    start = tf.where(exists[:, :, None], paths + 1, wide - 1)
    start = (tf.range(count)[:, None, None] * reader.ROWS + np.arange(reader.ROWS, dtype=np.int32)) * wide + start
    passed = tf.zeros([count * reader.ROWS * wide], tf.int32)
    start = tf.reshape(start, [-1, 1])
    passed = tf.tensor_scatter_nd_add(passed, start, tf.ones_like(start[:, 0]))
    passed = tf.reshape(tf.cumsum(tf.reshape(passed, [-1, wide]), axis=1), [-1])
    own_scale = tf.gather(scale, cells.owner)
    at_row = tf.cast((cells.y + 0.5 - tf.gather(area.top, cells.owner)) * own_scale, tf.int32)
    at_column = tf.cast((cells.x + 0.5 - tf.gather(area.left, cells.owner)) * own_scale, tf.int32) + 1
    at_row = tf.clip_by_value(at_row, 0, reader.ROWS - 1)
    at_column = tf.clip_by_value(at_column, 0, tf.gather(breadth, cells.owner) - 1)
    piece = tf.gather(passed, (cells.owner * reader.ROWS + at_row) * wide + at_column)

    # Boxes, masses and moments of the pieces, and of all runs of pieces from `first` to `last`
    pieces = seams + 1
    of_group = cells.owner
    cells = Cells(of_group * pieces + piece, *cells[1:])
    shape = tf.stack([count, pieces])
    measures = [
        tf.reshape(values, shape) for values in (*_boxes(cells, count * pieces), *_moments(cells, count * pieces))
    ]
    filled = measures[4] > 0
    node = tf.cumsum(tf.cast(filled, tf.int32), axis=1) - 1
    nodes = tf.reduce_max(node) + 1
    order = tf.range(pieces)
    first, last = order[:, None], order
    within = (first[:, :, None] <= order) & (order <= last[None, :, None])  # [first, last, M]
    left, top = (tf.reduce_min(tf.where(within, m[:, None, None], FAR), axis=3) for m in measures[:2])
    right, bottom = (tf.reduce_max(tf.where(within, m[:, None, None], -FAR), axis=3) for m in measures[2:4])
    mass, y, x = (tf.reduce_sum(tf.where(within, m[:, None, None], 0.0), axis=3) for m in measures[4:])
    ends = tf.reduce_max(node, axis=1)[:, None, None]
    is_whole = (node[:, :, None] == 0) & (node[:, None] == ends)
    least = tf.maximum(bottom - top, reader.SMALL * line_height[:, None, None])
    allowed = filled[:, :, None] & filled[:, None] & (first <= last)
    allowed &= is_whole | (right - left <= reader.WIDE_DIGIT * least)
    group, first, last = _where(allowed)  # [S] each
    span = (group * pieces + first) * pieces + last
    areas = Areas(
        *(
            tf.gather(tf.reshape(m, [-1]), span)
            for m in (left, top, right, bottom, y / tf.maximum(mass, 1e-6), x / tf.maximum(mass, 1e-6))
        )
    )
    in_span = (of_group == group[:, None]) & (first[:, None] <= piece) & (piece <= last[:, None])
    which, cell = _where(in_span)
    cells = Cells(which, *(tf.gather(values, cell) for values in cells[1:]))
    span_sheet = tf.gather(sheet, group)
    images = _images(cells, span_sheet, areas, pages)
    probabilities, maps = _judged(networks, images)

    # The best way from the left to the right of each group: each span is a step from one node to another
    bounds = tf.pad(tf.where(exists, costs, 0.0), [[0, 0], [1, 1]])
    bounds = tf.reshape(bounds, [-1])
    seam_costs = tf.gather(bounds, group * (pieces + 1) + first) + tf.gather(bounds, group * (pieces + 1) + last + 1)
    goodness = _goodness(areas, tf.gather(line_height, group), seam_costs, probabilities)
    flat_node = tf.reshape(node, [-1])
    start, end = tf.gather(flat_node, group * pieces + first), tf.gather(flat_node, group * pieces + last) + 1
    side = nodes + 1
    reached = tf.tensor_scatter_nd_update(
        tf.fill(tf.stack([count, side, side]), -FAR), tf.stack([group, start, end], axis=1), goodness
    )
    reached = tf.where(tf.eye(side) > 0, 0.0, reached)
    for _ in range((reader.SEAMS + 1).bit_length()):
        reached = tf.reduce_max(reached[..., None] + reached[:, None], axis=2)
    reached = tf.reshape(reached, [-1])
    goal = tf.gather(ends[:, 0, 0], group) + 1
    before = tf.gather(reached, group * side * side + start)
    after = tf.gather(reached, (group * side + end) * side + goal)
    best = tf.gather(reached, group * side * side + goal)
    is_best = before + goodness + after > best - 1e-4
    # Of ways that are as good, the one that goes back from the right in the longest steps
    previous = tf.tensor_scatter_nd_min(
        tf.fill([count * side + 1], side), tf.where(is_best, group * side + end, count * side)[:, None], start
    )
    steps = tf.reshape(previous[:-1], [count, side, 1]) == tf.range(side)
    reached = tf.maximum(tf.cast(steps, tf.float32), tf.eye(side))
    for _ in range((reader.SEAMS + 1).bit_length()):
        reached = tf.minimum(tf.matmul(reached, reached), 1.0)
    is_reached = tf.gather(tf.reshape(reached, [-1]), (group * side + goal) * side + end) > 0
    chosen = is_best & is_reached & (tf.gather(previous, group * side + end) == start)
    sure = tf.where(chosen, tf.reduce_max(probabilities[:, 2], axis=1), 1.0)
    is_certain = tf.tensor_scatter_nd_min(tf.ones([count]), group[:, None], sure) > reader.CERTAIN
    (chosen,) = _where(chosen & tf.gather(is_certain, group))
    (certain,) = _where(~doubtful | ~tf.gather(is_certain, tf.maximum(number, 0)))
    own = tf.gather(group, chosen)
    pieces = Entries(
        tf.gather(sheet, own),
        tf.gather(tf.gather(groups.line, unsure), own),
        tf.gather(area.x, own),
        tf.gather(first, chosen),
        tf.gather(tf.stack(areas[:4], axis=1), chosen),
        tf.gather(probabilities, chosen),
        tf.gather(images, chosen),
        {layer: tf.gather(values, chosen) for layer, values in maps.items()},
    )
    return tf.nest.map_structure(lambda a, b: tf.concat([tf.gather(a, certain), b], axis=0), whole, pieces)


def _seams(filled: Tensor, breadth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the cheapest seams through ink [U, ROWS, columns]: columns [U, seams, ROWS], costs, and which exist."""
    half = reader.ROWS // 2
    count, columns = tf.shape(filled)[0], tf.shape(filled)[2]
    halves = tf.concat([filled[:, :half], tf.reverse(filled[:, half:], [1])], axis=0)  # [2 U, ROWS / 2, columns]
    entries = tf.nn.relu(halves[:, 1:, None] - _neighbours(halves[:, :-1], 0.0))  # [2 U, ROWS / 2 - 1, 3, columns]
    cost, steps = halves[:, 0] * (1 + reader.ALONG), []
    for row in range(half - 1):
        cost, step = _step(cost, entries[:, row])
        cost = cost + reader.ALONG * halves[:, row + 1]
        steps.append(step)
    above, below = cost[:count], cost[count:]
    shared = tf.minimum(filled[:, half - 1, None], _neighbours(filled[:, half], 0.0))
    ends, into = _step(below, -shared)
    total = above + ends

    column = tf.range(columns)
    middle = tf.cast(breadth[:, None] - 1, tf.float32) / 2
    rank = total + 1e-4 * tf.abs(tf.cast(column, tf.float32) - middle)
    rank = tf.where(column < breadth[:, None], rank, FAR)
    near = 2 * reader.NEAR_SEAMS + 1
    cheapest = -tf.nn.max_pool2d(-rank[:, None, :, None], (1, near), 1, "SAME")[:, 0, :, 0]
    allowed = (rank <= cheapest) & (total <= reader.THROUGH)
    allowed &= (column >= reader.EDGE) & (column < breadth[:, None] - reader.EDGE)
    found, starts = tf.math.top_k(tf.where(allowed, -rank, -FAR), tf.minimum(columns, reader.SEAMS))
    starts = -tf.math.top_k(tf.where(found > -FAR / 2, -starts, -columns), tf.shape(starts)[1])[0]  # from the left
    seams = tf.reduce_max(tf.reduce_sum(tf.cast(allowed, tf.int32), axis=1))
    starts = starts[:, : tf.minimum(seams, reader.SEAMS)]
    exists = starts < columns
    starts = tf.where(exists, starts, 0)

    group = tf.range(count)[:, None] * columns
    costs = tf.gather(tf.reshape(total, [-1]), group + starts)
    here = tf.concat([starts, starts + tf.gather(tf.reshape(into, [-1]), group + starts)], axis=0)  # [2 U, seams]
    path, group = [here], tf.range(2 * count)[:, None] * columns
    for step in steps[::-1]:
        here = here + tf.gather(tf.reshape(step, [-1]), group + here)
        path.append(here)
    upper, lower = tf.stack(path[::-1], axis=2)[:count], tf.stack(path, axis=2)[count:]
    return tf.concat([upper, lower], axis=2), costs, exists


def _neighbours(values: Tensor, beyond: float) -> Tensor:
    """Each value, its left and its right neighbour: [..., columns] -> [..., 3, columns]."""
    padding = [[0, 0]] * (len(values.shape) - 1) + [[1, 1]]
    padded = tf.pad(values, padding, constant_values=beyond)
    return tf.stack([values, padded[..., :-2], padded[..., 2:]], axis=-2)


def _step(cost: Tensor, entry: Tensor) -> tuple[Tensor, Tensor]:
    """The cheapest way to each column from the columns beside it, and which that is: 0, -1 or 1."""
    sideways = np.array([[0], [reader.SIDEWAYS], [reader.SIDEWAYS]], np.float32)
    ways = _neighbours(cost, float(FAR)) + entry + sideways
    return tf.reduce_min(ways, axis=1), tf.gather([0, -1, 1], tf.argmin(ways, axis=1, output_type=tf.int32))


def _goodness(areas: Areas, line_height: Tensor, seam_costs: Tensor, probabilities: Tensor) -> Tensor:
    high = areas.bottom - areas.top
    wide = (areas.right - areas.left) / tf.maximum(high, reader.SMALL * line_height)
    mean = tf.reduce_max(probabilities[:, 2], axis=1)
    digit = tf.argmax(probabilities[:, 2], axis=1, output_type=tf.int32)
    each = tf.maximum(tf.gather(probabilities[:, :2], digit, axis=2, batch_dims=1), 0.03)
    features = [
        tf.ones_like(high),
        tf.math.log(tf.maximum(mean, 0.03)),
        tf.nn.relu(0.7 - high / line_height),
        tf.nn.relu(wide - 0.8),
        seam_costs,
        tf.math.log(each[:, 0] * each[:, 1]),
    ]
    return tf.linalg.matvec(tf.stack(features, axis=1), reader.FEATURES)


def _or_one_digit(entries: Entries, read_pictures: Any, pages: Pages) -> Entries:
    """Take a sheet for one digit where the networks read it surely as one, and not all of its pieces as digits."""
    probabilities, maps = read_pictures
    count, owner = tf.shape(pages.image)[0], entries.sheet[:, None]
    least = tf.tensor_scatter_nd_min(tf.fill([count], 1.0), owner, tf.reduce_max(entries.probabilities[:, 2], axis=1))
    (sheet,) = _where(tf.reduce_max(probabilities[:, 2], axis=1) > reader.SURE)
    sheet = tf.gather(sheet, _where(tf.gather(least, sheet) <= reader.PROBABLE)[0])
    is_one = tf.tensor_scatter_nd_update(tf.zeros([count], tf.int32), sheet[:, None], tf.ones_like(sheet))
    low = tf.tensor_scatter_nd_min(tf.fill([count, 2], FAR), owner, entries.boxes[:, :2])
    high = tf.tensor_scatter_nd_max(tf.fill([count, 2], -FAR), owner, entries.boxes[:, 2:])
    zero = tf.zeros_like(sheet)
    ones = Entries(
        sheet,
        zero,
        tf.cast(zero, tf.float32),
        zero,
        tf.gather(tf.concat([low, high], axis=1), sheet),
        *tf.nest.map_structure(lambda values: tf.gather(values, sheet), (probabilities, pages.image, maps)),
    )
    (kept,) = _where(tf.gather(is_one, entries.sheet) == 0)
    return tf.nest.map_structure(lambda a, b: tf.concat([tf.gather(a, kept), b], axis=0), entries, ones)


def _in_order(entries: Entries, read_pictures: Any, pages: Pages) -> dict[str, Tensor]:
    """Lay pieces of ink out in reading order, after the rule when they count as digits."""
    entries = _or_one_digit(entries, read_pictures, pages)
    sheet, line, x, piece, boxes, probabilities, images, maps = entries
    sheets = tf.shape(pages.image)[0]
    sure = tf.reduce_max(probabilities[:, 2], axis=1)
    counts = tf.cast(sure > reader.PROBABLE, tf.float32)
    same_sheet = sheet[:, None] == sheet
    same_line = tf.cast(same_sheet & (line[:, None] == line), tf.float32)
    share = tf.linalg.matvec(same_line, counts) / tf.reduce_sum(same_line, axis=1)
    digit = tf.argmax(probabilities[:, 2], axis=1, output_type=tf.int64)
    digit = tf.where((counts > 0) & (share >= reader.DIGITS), digit, -1)

    number = tf.range(tf.size(sheet))
    earlier = piece < piece[:, None]
    earlier |= (piece == piece[:, None]) & (number < number[:, None])
    earlier = (x < x[:, None]) | ((x == x[:, None]) & earlier)
    earlier = (line < line[:, None]) | ((line == line[:, None]) & earlier)
    place = tf.reduce_sum(tf.cast(same_sheet & earlier, tf.int32), axis=1)
    (kept,) = _where(place < reader.PIECES)
    count = tf.reduce_max(tf.concat([[-1], tf.gather(place, kept)], axis=0)) + 1
    to = tf.stack([tf.gather(sheet, kept), tf.gather(place, kept)], axis=1)

    def laid_out(values: Tensor, *shape: int, missing: float = 0) -> Tensor:
        empty = tf.fill(tf.stack([sheets, count, *shape]), tf.cast(missing, values.dtype))
        return tf.tensor_scatter_nd_update(empty, to, tf.gather(values, kept))

    return {
        "digits": laid_out(digit, missing=-2),
        "line": laid_out(tf.cast(line, tf.int64), missing=-1),
        "sure": laid_out(sure),
        "boxes": laid_out(boxes * pages.cell, 4),
        "probabilities": laid_out(probabilities, 3, 10),
        "images": laid_out(images, SIDE, SIDE),
        **{layer: laid_out(values, *values.shape[1:]) for layer, values in maps.items()},
    }


def _where(condition: Tensor) -> list[Tensor]:
    """Where a condition holds: an index for each axis, in order."""
    return tf.unstack(tf.cast(tf.where(condition), tf.int32), axis=1, num=len(condition.shape))
