"""The graph of reader.onnx: what model/reader.py does, in operators of ONNX.

Instead of lists of parts there are tensors of all cells, parts, groups and spans of all sheets, one after another, each
with the number of what it belongs to. Shapes in comments: B sheets, N cells with ink, K parts on the fullest sheet, G
groups, U groups to cut, C columns of the widest grid of these, E pieces of ink that are read.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import keras
import numpy as np
import onnx
import tensorflow as tf

from export.contract import MAPS, READER, READER_OPSET, READER_SUMMARY, VERSION
from export.convert import probabilities, training_data
from export.cuts import FAR, Networks, Seams, Tensor, digits_of, first_of, indices, seams_of
from export.stages import Stages
from model import cuts, reader
from model.cuts import ROWS
from model.normalize import (
    BOX,
    CENTRE,
    CLEAR,
    GRID,
    PAGE,
    SIDE,
    Averaged,
    Separation,
    averaged,
    look_again,
    separated,
)
from model.record import TrainingRecord


class Cells(NamedTuple):
    """Cells with ink, [N] each."""

    owner: Tensor
    """Number of the part, group or piece that it belongs to, or the next number: to none."""
    y: Tensor
    x: Tensor


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
    parts: Tensor
    """How many it is made of."""
    mass: Tensor
    areas: Areas


class Pages(NamedTuple):
    """The sheets from which images are taken: looks at sketches."""

    level: Tensor
    """Of the sketches, [sketches, height, width]."""
    above: Tensor
    """Sums of the levels above each pixel, in whole numbers."""
    sketch: Tensor
    """Number of each sheet's sketch, [B]."""
    sign: Tensor
    """1 where ink is dark, -1 where it is light, [B, 1, 1]."""
    paper: Tensor
    """The paper's sign * level, [B, GRID, GRID]."""
    cell: Tensor
    """Pixels a side of a cell."""
    image: Tensor
    """Each sheet as one digit, [B, 28, 28]."""
    size: Tensor
    """Of the ink in that image, in cells, at least: [B]."""


class Shades(NamedTuple):
    """How dark the cells are, and where they lie on the grid of GRID x GRID."""

    ink: Tensor
    """How much darker than the paper each cell is near a digit, [B, rows, columns]; elsewhere below 0."""
    least: Tensor
    """Less is no ink, [B, rows, columns]."""
    cells: Tensor
    """Mean of sign * level, [B, rows, columns]."""
    darkest: Tensor
    """-sign * level of the darkest paper in and around each cell of the grid, [B, GRID, GRID]."""
    near: Tensor
    """Above 0 near a digit, [B, GRID, GRID]."""
    is_line: Tensor
    """1.0 where a printed line is, [B, GRID, GRID]."""
    y: Tensor
    """Where each row of cells lies on the grid, [rows]."""
    x: Tensor
    """Where each column lies, [columns]."""


class Parts(NamedTuple):
    """Connected parts, one after another."""

    sheet: Tensor
    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    mass: Tensor
    down: Tensor
    """The mass's first moment along y."""
    across: Tensor
    """Along x."""

    def gather(self, index: Tensor) -> "Parts":
        """Some of the parts."""
        return Parts(*(tf.gather(values, index) for values in self))


class Doubts(NamedTuple):
    """Groups that may have to be cut, [U, ...] each, on grids."""

    group: Tensor
    """Their numbers."""
    unit: Tensor
    """Cells a row of the grid."""
    dark: Tensor
    """How dark the grid is, [U, ROWS, C]."""
    filled: Tensor
    """1.0 where it holds ink of the group, [U, ROWS, C]."""
    seams: Seams


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
    model = stages.model([sketch], outputs)
    for value in [*model.graph.input, *model.graph.output]:
        for dimension, size in zip(value.type.tensor_type.shape.dim, READER[value.name][1], strict=True):
            dimension.Clear()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
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
    sketches = choose(call(_any_may_hold_canvases, sketches), _without_canvases, _as_it_is, sketches)
    first = separated(sketches, call, choose)
    looks, clearness = choose(call(_is_any_unclear, first), _three_looks, _one_look, first)
    pages, shades, have_lines = call(_shades, looks, first.level, first.above)
    least = choose(have_lines, _least_on_lines, _least, shades)
    ink, cells, parts, counts, are_several, have_one = call(_find, pages, shades, least)
    rows, are_linked = choose(are_several, _rows, _no_rows, parts, counts)
    cells, parts, counts = choose(are_linked, _split, _as_found, ink, cells, parts, counts, rows)
    cells, groups, images, pictures = choose(are_several, _many, _one_each, pages, cells, parts, counts)
    read_whole, read_pictures, pairs, may_be_one = call(partial(_judge, networks), groups, images, pictures)
    join = partial(_join, networks)
    groups, images, read_whole, cells = choose(
        may_be_one, join, _apart, cells, groups, images, read_whole, pairs, pages
    )
    doubtful, is_doubtful = call(_doubtful, groups, read_whole, pages)
    doubts, may_be_cut = choose(is_doubtful, _doubts, _no_doubts, cells, groups, doubtful, ink, pages)
    cut = partial(_cut, networks)
    arguments = groups, images, read_whole, doubtful, doubts, pages, have_one
    entries, have_one = choose(may_be_cut, cut, _uncut, *arguments)
    return choose(have_one, _as_they_are, _in_order, entries, read_pictures, pages, clearness)


class Clearness(NamedTuple):
    """How clear each sketch is, [B] each."""

    unclear: Tensor
    """Separation.unclear of the first look."""
    other: Tensor
    """Whether the look that has the ink on the other side is clear,"""
    same: Tensor
    """and that with wider strokes."""


class Looks(NamedTuple):
    """One look at all sketches, or three, one after another: the fields of Separation of the same names."""

    image: Tensor
    step: Tensor
    sign: Tensor
    paper: Tensor
    found: Tensor
    strength: Tensor
    lines: Tensor
    flat: Tensor


def _is_any_unclear(first: Separation) -> Tensor:
    return tf.reduce_max(first.unclear) > 0


def _any_may_hold_canvases(sketches: Averaged) -> Tensor:
    return tf.reduce_max(sketches.pages) > 0


def _as_it_is(sketches: Averaged) -> Averaged:
    return sketches


def _without_canvases(sketches: Averaged) -> Averaged:
    """Turn canvases on pages to the pages' side."""
    level, above = sketches.sheets.level, sketches.sheets.above
    height, width = tf.shape(level)[1], tf.shape(level)[2]
    cell = _cell(height, width, reader.CELLS[0])
    cells = _means(level, above, cell)
    least, most = (reduce_(cells, axis=(1, 2), keepdims=True) for reduce_ in (tf.reduce_min, tf.reduce_max))
    border = tf.concat([cells[:, 0], cells[:, -1], cells[:, :, 0], cells[:, :, -1]], axis=1)
    is_light = 2 * tf.reduce_mean(border, axis=1)[:, None, None] > least + most
    page, ground = tf.where(is_light, most, least), tf.where(is_light, least, most)
    contrast = most - least
    is_even = tf.abs(border - page[:, 0]) < PAGE * contrast[:, 0]
    is_even = tf.reduce_mean(tf.cast(is_even, tf.float32), axis=1) >= CLEAR
    is_page = is_even[:, None, None] & (contrast >= reader.CONTRAST)
    is_page &= sketches.pages[:, 0] > 0
    other = tf.cast(is_page & (tf.abs(cells - page) > contrast / 2), tf.float32)[..., None]
    for sign in (-1, 1):  # the least in each window, and then the most
        other = sign * tf.nn.max_pool2d(tf.pad(sign * other, [[0, 0], [1, 1], [1, 1], [0, 0]]), reader.THIN, 1, "VALID")
    cells, parts = _parts(other[..., 0])
    wide, high = parts.right - parts.left, parts.bottom - parts.top
    ends = (tf.gather(side, cells.owner) for side in (parts.left, parts.right - 1, parts.top, parts.bottom - 1))
    on_edge = reduce(
        tf.logical_or, (at == end for at, end in zip((cells.x, cells.x, cells.y, cells.y), ends, strict=True))
    )
    edge = _count(cells.owner, tf.cast(on_edge, tf.float32), tf.size(wide))
    share = parts.mass / (wide * high)
    ring = edge / (2 * (wide + high) - 4)
    may_be = (tf.minimum(wide, high) >= reader.SMALLEST) & (ring >= reader.RING[1])
    may_be &= (share > reader.FILLED[0]) & (share < reader.FILLED[1])
    (number,) = indices(may_be)
    sheet, wide, high, ring = (tf.gather(each, number) for each in (parts.sheet, wide, high, ring))
    alike = (sheet[:, None] == sheet) & (ring >= reader.RING[0])
    for side in (wide, high):
        alike &= tf.abs(side[:, None] - side) <= reader.ALIKE
    number = tf.gather(number, indices(tf.reduce_any(alike, axis=1))[0])
    sheet, left, top, right, bottom = (tf.gather(each, number) for each in parts[:5])
    mine = tf.cast(tf.range(tf.shape(level)[0])[:, None] == sheet, tf.float32)[:, None]  # [B, 1, canvases]

    def inside(step: int) -> Tensor:
        """Whether each pixel is inside a canvas that is smaller by so many cells on all sides."""
        down, across = (
            tf.cast((at >= (low + step) * size) & (at < (high - step) * size), tf.float32)
            for at, low, high in (
                (tf.range(tf.cast(height, tf.float32))[:, None], top, bottom),
                (tf.range(tf.cast(width, tf.float32))[:, None], left, right),
            )
        )
        return tf.matmul(mine * down, tf.tile(across[None], [tf.shape(level)[0], 1, 1]), transpose_b=True) > 0

    size = tf.cast(cell, tf.float32)
    turned = tf.clip_by_value(tf.round(page + ground) - level, 0.0, 255.0)
    return averaged(tf.where(inside(1), turned, tf.where(inside(-1), tf.round(page), level)))


def _cell(height: Tensor, width: Tensor, count: int) -> Tensor:
    """Pixels a side of a cell, if there are to be at most about `count`."""
    return tf.cast(tf.math.ceil(tf.sqrt(tf.cast(height * width, tf.float32) / count)), tf.int32)


def _means(level: Tensor, above: Tensor, cell: Tensor) -> Tensor:
    """Mean level of each cell, [B, rows, columns]."""
    rows, columns = tf.shape(level)[1] // cell, tf.shape(level)[2] // cell
    last = tf.range(1, rows + 1) * cell - 1
    sums = tf.gather(above, last, axis=1) + tf.gather(level, last, axis=1)
    sums = tf.reshape(sums[:, :, : columns * cell], [-1, rows, columns, cell])
    sums = tf.pad(tf.reduce_sum(sums, axis=3), [[0, 0], [1, 0], [0, 0]])
    return (sums[:, 1:] - sums[:, :-1]) / tf.cast(cell * cell, tf.float32)


def _one_look(first: Separation) -> tuple[Looks, Clearness]:
    unclear = tf.reshape(first.unclear, [-1])
    return Looks(*first[:8]), Clearness(unclear, unclear > 0, unclear > 0)


def _three_looks(first: Separation) -> tuple[Looks, Clearness]:
    """Look again. Of sketches that are clear, these looks find nothing."""
    again = look_again(first)
    is_unclear = tf.cast(first.unclear > 0, tf.float32)
    image, step, sign, paper, found, *rest = (
        tf.concat(both, axis=0) for both in zip(first[:8], again[:8], strict=True)
    )
    found *= tf.concat([tf.ones_like(is_unclear), is_unclear, is_unclear], axis=0)
    other, same = (tf.reshape(half, [-1]) == 0 for half in tf.split(again.unclear, 2))
    return Looks(image, step, sign, paper, found, *rest), Clearness(tf.reshape(first.unclear, [-1]), other, same)


def _shades(looks: Looks, level: Tensor, above: Tensor) -> tuple[Pages, Shades, Tensor]:
    image, step, sign, paper, found, strength, lines, flat = looks
    height, width = tf.shape(level)[1], tf.shape(level)[2]
    small, large = (_cell(height, width, count) for count in reader.CELLS)
    cell = tf.minimum(small, tf.maximum(2, large))
    longest = tf.cast(tf.maximum(height, width), tf.float32)
    size = (tf.reshape(step, [-1]) * BOX - reader.COARSE / GRID * longest) / tf.cast(cell, tf.float32)
    sketches, sheets = tf.shape(level)[0], tf.shape(image)[0]
    sketch = tf.tile(tf.range(sketches), [sheets // sketches])
    pages = Pages(level, above, sketch, sign, paper, tf.cast(cell, tf.float32), image, size)
    is_line = tf.cast(lines > reader.PRINTED, tf.float32)
    return pages, _shades_of(pages, found, strength, is_line, flat, cell), tf.reduce_max(is_line) > 0


def _find(pages: Pages, shades: Shades, least: Tensor) -> tuple[Any, ...]:
    """Find the connected parts of the cells with ink.

    Tells also whether any sheet has other ink than one part, and whether every sheet has exactly one.
    """
    ink = tf.where(shades.ink > least, shades.ink, 0.0)
    cells, parts = _parts(ink)
    counts = _count(parts.sheet, tf.ones_like(parts.sheet), tf.shape(ink)[0])
    are_several = (tf.reduce_max(counts) > 1) | ~tf.reduce_all(_is_all(parts, pages))
    are_several |= (tf.size(counts) > tf.shape(pages.level)[0]) & (tf.size(parts.sheet) > 0)
    return ink, cells, parts, counts, are_several, ~are_several & (tf.reduce_min(counts) == 1)


def _is_all(one: Parts | Groups, pages: Pages) -> Tensor:
    """Whether there is no other ink in the image of the sheet."""
    left, top, right, bottom = one.areas[:4] if isinstance(one, Groups) else one[1:5]
    return tf.gather(pages.size, one.sheet) <= reader.ALONE * tf.maximum(right - left, bottom - top)


def _count(owner: Tensor, amount: Tensor, owners: Tensor) -> Tensor:
    return tf.tensor_scatter_nd_add(tf.zeros([owners], amount.dtype), owner[:, None], amount)


def _one_each(pages: Pages, cells: Cells, parts: Parts, counts: Tensor) -> tuple[Any, ...]:
    one = tf.ones_like(parts.sheet)
    groups = Groups(parts.sheet, tf.zeros_like(one), parts.bottom - parts.top, one, parts.mass, _areas(*parts[1:]))
    images = tf.gather(pages.image, parts.sheet)
    return cells, groups, images, images[:0]


def _many(pages: Pages, cells: Cells, parts: Parts, counts: Tensor) -> tuple[Any, ...]:
    cells, groups = _groups(cells, parts, counts)
    images = _images(cells, groups.sheet, groups.areas, pages)
    is_alone = (groups.parts == tf.gather(counts, groups.sheet)) & _is_all(groups, pages)
    is_alone = tf.cast(is_alone, tf.float32)[:, None, None]
    return cells, groups, images + is_alone * (tf.gather(pages.image, groups.sheet) - images), pages.image


class Pairs(NamedTuple):
    """Each group and the next one in its line, [G] each."""

    next: Tensor
    """Number of the next one."""
    exists: Tensor
    """Whether there is one."""
    may_be_one: Tensor
    """Whether both may be one digit together."""


def _judge(networks: Networks, groups: Groups, images: Tensor, pictures: Tensor) -> tuple[Any, ...]:
    """Ask the networks, about whole sheets too, `pictures`; and tell which neighbours may be one digit together."""
    judged = _judged(networks, tf.concat([images, pictures], axis=0))
    of_groups = tf.shape(images)[0]
    read_whole = tf.nest.map_structure(lambda values: values[:of_groups], judged)
    read_pictures = tf.nest.map_structure(lambda values: values[of_groups:], judged)
    sheet, line, height, _, _, (left, top, right, bottom, _, x) = groups
    number = tf.range(of_groups)
    later = (x > x[:, None]) | ((x == x[:, None]) & (number > number[:, None]))
    later &= (sheet[:, None] == sheet) & (line[:, None] == line)
    following = tf.argmin(tf.where(later, x, FAR), axis=1, output_type=tf.int32)
    exists = tf.reduce_any(later, axis=1)
    left, top = (tf.minimum(side, tf.gather(side, following)) for side in (left, top))
    gap = tf.gather(groups.areas.left, following) - right
    right, bottom = (tf.maximum(side, tf.gather(side, following)) for side in (right, bottom))
    sure = tf.reduce_max(read_whole[0][:, 2], axis=1)
    may_be_one = exists & (tf.minimum(sure, tf.gather(sure, following)) < reader.SURE) & (gap <= reader.NEAR * height)
    may_be_one &= (right - left <= reader.WIDE * (bottom - top)) & (bottom - top <= reader.HIGHEST * height)
    return read_whole, read_pictures, Pairs(following, exists, may_be_one), tf.reduce_any(may_be_one)


def _apart(
    cells: Cells, groups: Groups, images: Tensor, read_whole: Any, pairs: Pairs, pages: Pages
) -> tuple[Groups, Tensor, Any, Cells]:
    return groups, images, read_whole, cells


def _join(
    networks: Networks, cells: Cells, groups: Groups, images: Tensor, read_whole: Any, pairs: Pairs, pages: Pages
) -> tuple[Groups, Tensor, Any, Cells]:
    """Join neighbours that are surely one digit together."""
    (first,) = indices(pairs.may_be_one)
    second = tf.gather(pairs.next, first)
    count, pair = tf.size(groups.sheet), tf.range(tf.size(first))
    mine = []
    for of_pair in (first, second):
        owner = tf.tensor_scatter_nd_update(tf.fill([count + 1], -1), of_pair[:, None], pair)
        owner = tf.gather(owner, cells.owner)
        (kept,) = indices(owner >= 0)
        mine.append(Cells(*(tf.gather(values, kept) for values in (owner, cells.y, cells.x))))
    of_pairs = Cells(*(tf.concat(both, axis=0) for both in zip(*mine, strict=True)))
    (mass, areas), (other_mass, other) = (
        (tf.gather(groups.mass, number), groups.areas.gather(number)) for number in (first, second)
    )
    total = mass + other_mass
    union = Areas(
        *(tf.minimum(a, b) for a, b in zip(areas[:2], other[:2], strict=True)),
        *(tf.maximum(a, b) for a, b in zip(areas[2:4], other[2:4], strict=True)),
        *((a * mass + b * other_mass) / total for a, b in zip(areas[4:], other[4:], strict=True)),
    )
    seen = _images(of_pairs, tf.gather(groups.sheet, first), union, pages)
    read = _judged(networks, seen)
    sure, counts = _counts(read[0], seen)
    sure = tf.where(counts, sure, 0.0)
    of_group = tf.tensor_scatter_nd_update(tf.zeros([count]), first[:, None], sure)
    after = tf.where(pairs.exists, tf.gather(of_group, pairs.next), 0.0)
    before = tf.tensor_scatter_nd_max(tf.zeros([count]), pairs.next[:, None], tf.where(pairs.exists, of_group, 0.0))
    is_one = (sure > reader.SURE) & (sure >= tf.gather(after, first)) & (sure > tf.gather(before, first))
    (joined,) = indices(is_one)
    first, second, total = (tf.gather(each, joined) for each in (first, second, total))
    is_left = tf.tensor_scatter_nd_update(tf.ones([count], tf.int32), second[:, None], tf.zeros_like(second))
    (left,) = indices(is_left > 0)

    def replaced(values: Tensor, by: Tensor) -> Tensor:
        return tf.gather(tf.tensor_scatter_nd_update(values, first[:, None], by), left)

    def updated(values: Any, of_unions: Any) -> Any:
        return tf.nest.map_structure(lambda a, b: replaced(a, tf.gather(b, joined)), values, of_unions)

    parts = tf.gather(groups.parts, first) + tf.gather(groups.parts, second)
    sheet, line, height = (tf.gather(each, left) for each in groups[:3])
    new = Groups(
        sheet,
        line,
        height,
        replaced(groups.parts, parts),
        replaced(groups.mass, total),
        updated(groups.areas, union),
    )
    number = tf.cumsum(is_left) - 1
    number = tf.tensor_scatter_nd_update(number, second[:, None], tf.gather(number, first))
    owner = tf.gather(tf.concat([number, tf.shape(left)], axis=0), cells.owner)
    return new, updated(images, seen), updated(read_whole, read), Cells(owner, cells.y, cells.x)


def _doubtful(groups: Groups, read_whole: Any, pages: Pages) -> tuple[Tensor, Tensor]:
    """Tell which groups are to be cut."""
    sure = tf.reduce_max(read_whole[0][:, 2], axis=1)
    wide, high = groups.areas.right - groups.areas.left, groups.areas.bottom - groups.areas.top
    doubtful = (wide > reader.NARROW * high) & (wide < reader.WIDEST * high) & (high > cuts.SMALL * groups.height)
    doubtful &= (sure < reader.SURE) | (wide > reader.WIDE * high)
    to_cut = _count(groups.sheet, tf.where(doubtful, wide / high, 0.0), tf.shape(pages.image)[0])
    doubtful &= tf.gather(to_cut, groups.sheet) <= reader.TO_CUT
    return doubtful, tf.reduce_any(doubtful)


def _uncut(
    groups: Groups, images: Tensor, read_whole: Any, doubtful: Tensor, doubts: Doubts, pages: Pages, have_one: Tensor
) -> tuple[Entries, Tensor]:
    boxes = tf.stack(groups.areas[:4], axis=1)
    piece, (probabilities, maps) = tf.zeros_like(groups.sheet), read_whole
    return Entries(groups.sheet, groups.line, groups.areas.x, piece, boxes, probabilities, images, maps), have_one


def _shades_of(pages: Pages, found: Tensor, strength: Tensor, is_line: Tensor, flat: Tensor, cell: Tensor) -> Shades:
    height, width = tf.shape(pages.level)[1], tf.shape(pages.level)[2]
    cells = tf.gather(_means(pages.level, pages.above, cell), pages.sketch) * pages.sign
    rows, columns = tf.shape(cells)[1], tf.shape(cells)[2]
    darkest, near = tf.unstack(_around(tf.stack([-pages.paper, found], axis=3)), axis=3)
    y = (2 * tf.range(rows) + 1) * cell * GRID // (2 * height)
    x = (2 * tf.range(columns) + 1) * cell * GRID // (2 * width)
    ink = _on_cells(tf.where(near > 0, -darkest, -FAR), y, x) - cells
    strongest = tf.reduce_max(ink, axis=(1, 2), keepdims=True)
    has_ink = (strongest >= reader.CONTRAST) & (tf.reduce_max(pages.image, axis=(1, 2), keepdims=True) > 0)
    beside = tf.nn.max_pool2d(ink[..., None], 3, 1, "SAME")[..., 0]
    strongest *= _on_cells(strength, y, x)
    least = tf.where(has_ink, reader.INK * tf.maximum(strongest, beside * flat), FAR)
    return Shades(ink, least, cells, darkest, near, is_line, y, x)


def _around(grids: Tensor) -> Tensor:
    """The largest value in and around each cell of [B, GRID, GRID, n]."""
    return tf.nn.max_pool2d(grids, 3, 1, "SAME")


def _on_cells(grid: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The values of [B, GRID, GRID] where each cell lies: [B, rows, columns]."""
    columns = tf.transpose(tf.gather(tf.transpose(grid, (0, 2, 1)), x, axis=1), (0, 2, 1))  # copies whole rows
    return tf.gather(columns, y, axis=1)


def _least(shades: Shades) -> Tensor:
    return shades.least


def _least_on_lines(shades: Shades) -> Tensor:
    """Less is no ink. Where printed lines run, ink is darker than they are."""
    _, least, cells, darkest, near, is_line, y, x = shades
    dark = -_on_cells(darkest, y, x) - cells
    near_line, beyond = tf.unstack(_around(tf.stack([is_line, near], axis=3)), axis=3)
    away = _on_cells(tf.where(beyond > 0, 0.0, is_line), y, x)
    margin = [reader.RUN // 2] * 2
    down = tf.nn.avg_pool2d(tf.pad(dark, [[0, 0], margin, [0, 0]])[..., None], (reader.RUN, 1), 1, "VALID")
    across = tf.nn.avg_pool2d(tf.pad(dark, [[0, 0], [0, 0], margin])[..., None], (1, reader.RUN), 1, "VALID")
    runs = tf.maximum(down, across)[..., 0]
    for _ in range(reader.MEANS):
        total, count = (tf.reduce_sum(values, axis=(1, 2), keepdims=True) for values in (runs * away, away))
        darkness = total / tf.maximum(count, 1.0)
        away = tf.where(runs >= darkness, away, 0.0)
    on_line = tf.clip_by_value(reader.DARKER * darkness, least, reader.CERTAIN / reader.INK * least)
    return tf.where(_on_cells(near_line, y, x) > 0, on_line, least)


def _parts(ink: Tensor) -> tuple[Cells, Parts]:
    """Find connected parts."""
    sheet, y, x = indices(ink > 0)
    rows, columns = tf.shape(ink)[1], tf.shape(ink)[2]
    row = sheet * rows + y
    level = tf.gather(tf.reshape(ink, [-1]), row * columns + x)

    # Runs of cells in a row, and which of them touch a run in the row above
    place = (row + sheet + 1) * (columns + 2) + x + 1  # with a row above and columns around each sheet
    outermost, apart = place[:1] > 0, place[1:] - place[:-1] > 1
    is_start, is_end = tf.concat([outermost, apart], axis=0), tf.concat([apart, outermost], axis=0)
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
    (touching,) = indices(touches)
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

    (start,), (end,) = indices(is_start), indices(is_end)
    numbers = tf.range(tf.size(start))
    label, changed = spread(numbers, tf.constant(True))
    for _ in range(2):  # is enough for digits; a loop takes longer
        label, changed = spread(label, changed)
    label, _ = tf.while_loop(lambda label, changed: changed, spread, [label, changed])
    part_of_run = tf.cumsum(tf.cast(label == numbers, tf.int32)) - 1
    part = tf.gather(part_of_run, label)[:, None]
    count = tf.reduce_max(tf.concat([part_of_run, [-1]], axis=0)) + 1

    # Of each run, and then of each part
    y, x = tf.cast(y, tf.float32), tf.cast(x, tf.float32)
    none, empty = tf.zeros_like(tf.cast(start, tf.float32)), tf.zeros([count])
    darkest = tf.tensor_scatter_nd_max(none, run[:, None], level)
    mass, across = (tf.tensor_scatter_nd_add(none, run[:, None], m) for m in (level, level * (x + 0.5)))
    strongest = tf.gather(tf.tensor_scatter_nd_max(empty, part, darkest), part[:, 0])
    y_of_run = tf.gather(y, start)
    cover, first, last = darkest / strongest, tf.gather(level, start) / strongest, tf.gather(level, end) / strongest
    far = empty + FAR
    parts = Parts(
        tf.tensor_scatter_nd_max(tf.cast(empty, tf.int32), part, tf.gather(sheet, start)),
        tf.tensor_scatter_nd_min(far, part, tf.gather(x, start) + 1 - first),
        tf.tensor_scatter_nd_min(far, part, y_of_run + 1 - cover),
        tf.tensor_scatter_nd_max(-far, part, tf.gather(x, end) + last),
        tf.tensor_scatter_nd_max(-far, part, y_of_run + cover),
        *(tf.tensor_scatter_nd_add(empty, part, m) for m in (mass, mass * (y_of_run + 0.5), across)),
    )
    return Cells(tf.gather(part[:, 0], run), y, x), parts


def _areas(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor, mass: Tensor, y: Tensor, x: Tensor) -> Areas:
    return Areas(left, top, right, bottom, y / mass, x / mass)


class Largest(NamedTuple):
    """The largest parts of each sheet, the largest first, [B, K] each."""

    exists: Tensor
    part: Tensor
    """Their numbers."""
    boxes: Parts
    usual: Tensor
    """The height that a quarter of the parts exceed, [B, 1]."""
    tall: Tensor
    """Whether they make lines."""
    beside: Tensor
    """Whether two tall ones are beside each other, [B, K, K]."""
    shared: Tensor
    """How much of the same columns two of them share, [B, K, K]."""
    margin: Tensor
    """How far the box of one is inside that of another, at least: [B, K inside, K outside]."""


def _largest_of(parts: Parts, counts: Tensor) -> Largest:
    sheets = tf.size(counts)
    first = tf.cumsum(counts, exclusive=True)
    most = tf.reduce_max(counts)
    slot = tf.range(tf.size(parts.sheet)) - tf.gather(first, parts.sheet)
    size = tf.maximum(parts.right - parts.left, parts.bottom - parts.top)
    sizes = tf.tensor_scatter_nd_update(tf.fill([sheets, most], -1.0), tf.stack([parts.sheet, slot], axis=1), size)
    largest, index = tf.math.top_k(sizes, tf.minimum(most, reader.PARTS))
    exists = largest >= 0
    part = tf.minimum(first[:, None] + index, tf.size(size) - 1)
    boxes = parts.gather(part)
    high, wide = boxes.bottom - boxes.top, boxes.right - boxes.left
    exists, usual, tall = _tall(exists, high)
    shared, margin = _shared(boxes.left, boxes.right), _margin(boxes)
    is_flat = (high < reader.TALL * usual) & (wide >= reader.FLAT * high)
    shares = tall[:, :, None] & (shared >= reader.OVER * wide[:, :, None])
    top, bottom = boxes.top, boxes.bottom
    above, below = (
        tf.reduce_min(tf.where(shares & (apart > 0), apart, FAR), axis=1)
        for apart in (top[:, None] - bottom[:, :, None], top[:, :, None] - bottom[:, None])
    )
    is_rule = (above >= reader.GAP * usual) & (above < below)
    is_rule |= (wide >= reader.RULE * usual) & (_how_many(shares) >= reader.OVER_RULE)
    is_rule &= is_flat
    least = tf.clip_by_value(reader.TALL * usual, reader.FRAMED[0] * high, reader.FRAMED[1] * high)[:, None]
    framed = exists[:, :, None] & (margin > 0) & (high[:, :, None] >= least)
    share = tf.reduce_max(tf.where(framed, high[:, :, None], 0.0), axis=1) / high
    is_slash = (_how_many(framed & (wide < reader.LEAN * high)[:, :, None]) + _how_many(framed) < 2) & (wide < high)
    is_slash &= (share >= reader.SLASH[0]) & (share < reader.SLASH[1])
    framed_ink = tf.reduce_sum(tf.where(framed, boxes.mass[:, :, None], 0.0), axis=1) / boxes.mass
    length = tf.reduce_max(tf.where(framed, tf.sqrt(wide * wide + high * high)[:, :, None], 0.0), axis=1)
    is_slash &= framed_ink * (np.pi / 2) * (wide + high) < reader.STRAIGHT * length
    inside = exists[:, :, None] & (margin > 0) & (high[:, :, None] >= reader.TABLE[1] * high[:, None])
    in_rows = tall[:, :, None] & (_shared(top, bottom) >= reader.OVER * high[:, :, None])
    in_rows &= reader.HIGH * high[:, :, None] < high[:, None]
    inside, in_rows = (
        tf.reduce_sum(tf.where(some, high[:, :, None], 0.0), axis=1) / high for some in (inside, in_rows)
    )
    is_frame = ((framed_ink > reader.WEIGHT) | (inside > reader.TABLE[0])) & ~is_slash
    is_margin = (high >= tf.maximum(reader.TOWER * usual, reader.FLAT * wide)) & (in_rows > reader.TABLE[0])
    exists, usual, tall = _tall(exists & ~is_rule & ~is_margin & ~is_frame, high)
    beside = _both(tall) & (_shared(boxes.top, boxes.bottom) > reader.BESIDE * _pairs(tf.minimum, high))
    return Largest(exists, part, boxes, usual, tall, beside, shared, margin)


def _margin(boxes: Parts) -> Tensor:
    sides = (_pairs(tf.subtract, each) for each in (boxes.left, -boxes.right, boxes.top, -boxes.bottom))
    return reduce(tf.minimum, sides)


def _how_many(related: Tensor) -> Tensor:
    return tf.reduce_sum(tf.cast(related, tf.float32), axis=1)


def _tall(exists: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the usual height of the parts that exist, and those that make lines."""
    heights = tf.math.top_k(tf.where(exists, high, 0.0), tf.shape(high)[1])[0]
    counted = exists & (high >= reader.LOWEST * heights[:, :1])
    quarter = tf.reduce_sum(tf.cast(counted, tf.int32), axis=1, keepdims=True) // 4
    usual = tf.gather(heights, quarter, batch_dims=1)
    return exists, usual, exists & (high >= reader.TALL * usual)


def _rows(parts: Parts, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The row in which each part is to be cut, or -1, and a last -1 for what is in no part; and whether any is."""
    largest = _largest_of(parts, counts)
    top, bottom = largest.boxes.top, largest.boxes.bottom
    number, high = tf.range(tf.shape(top)[1]), bottom - top
    similar = (number[:, None] != number) & (high[:, None] > reader.LIKE * high[:, :, None])
    beside = tf.cast(largest.beside & similar, tf.float32)
    above = tf.cast(bottom[:, :, None] <= top[:, None], tf.float32)
    upper = beside * tf.matmul(beside, above, transpose_b=True) > 0
    lower = beside * tf.matmul(beside, above) > 0
    gap = tf.maximum(-largest.shared, 0.0)
    ends = [
        tf.gather(side, tf.argmin(tf.where(near, gap, FAR), axis=2, output_type=tf.int32), batch_dims=1)
        for near, side in ((upper, bottom), (lower, top))
    ]
    is_linked = tf.reduce_any(upper, axis=2) & (high > reader.HIGH * largest.usual) & largest.exists
    row = tf.where(is_linked, tf.floor((ends[0] + ends[1]) / 2), -1.0)
    to = tf.where(is_linked, largest.part, tf.size(parts.sheet))
    rows = tf.fill([tf.size(parts.sheet) + 1], -1.0)
    rows = tf.tensor_scatter_nd_max(rows, tf.reshape(to, [-1, 1]), tf.reshape(row, [-1]))
    return rows, tf.reduce_any(is_linked)


def _no_rows(parts: Parts, counts: Tensor) -> tuple[Tensor, Tensor]:
    return tf.fill([tf.size(parts.sheet) + 1], -1.0), tf.size(counts) < 0


def _split(ink: Tensor, cells: Cells, parts: Parts, counts: Tensor, rows: Tensor) -> tuple[Cells, Parts, Tensor]:
    """Cut parts in which digits of two lines touch."""
    (lost,) = indices(cells.y == tf.gather(rows, cells.owner))
    sheet, y, x = (
        tf.gather(values, lost)
        for values in (tf.gather(parts.sheet, cells.owner), tf.cast(cells.y, tf.int32), tf.cast(cells.x, tf.int32))
    )
    at = (sheet * tf.shape(ink)[1] + y) * tf.shape(ink)[2] + x
    left = tf.tensor_scatter_nd_update(tf.reshape(ink, [-1]), at[:, None], tf.zeros_like(tf.cast(at, tf.float32)))
    cells, parts = _parts(tf.reshape(left, tf.shape(ink)))
    return cells, parts, _count(parts.sheet, tf.ones_like(parts.sheet), tf.size(counts))


def _as_found(ink: Tensor, cells: Cells, parts: Parts, counts: Tensor, rows: Tensor) -> tuple[Cells, Parts, Tensor]:
    return cells, parts, counts


def _groups(cells: Cells, parts: Parts, counts: Tensor) -> tuple[Cells, Groups]:
    """Put parts in lines, and join those that make up one digit."""
    exists, part, boxes, _, tall, beside, shared, margin = _largest_of(parts, counts)
    _, left, top, right, bottom, *moments = boxes
    high, wide = bottom - top, right - left
    size = tf.where(exists, tf.maximum(high, wide), 0.0)
    number = tf.range(tf.shape(part)[1])  # [K]
    down = _shared(top, bottom)  # [B, K, K]
    lower = _pairs(tf.minimum, high)
    same = _closed(_follow(beside, left + right))
    line = first_of(same > 0)
    line_height = tf.reduce_max(same * high[:, None], axis=2)
    away = tf.maximum(-shared, 0.0) + tf.maximum(-down, 0.0)
    nearest = tf.argmin(tf.where(tall[:, None], away, FAR), axis=2, output_type=tf.int32)
    nearest = tf.where(tall, number, nearest)
    line, line_height = (tf.gather(values, nearest, batch_dims=1) for values in (line, line_height))

    highest = tf.reduce_max(tf.where(tall, line_height, 0.0), axis=1, keepdims=True)
    counted = exists & (line_height >= reader.LOW_LINE * highest) & (size >= reader.SPECK * line_height)
    in_line = _both(counted) & (line[:, :, None] == line[:, None])
    belong = (lower < cuts.SMALL * line_height[:, :, None]) & (shared >= reader.OVER * _pairs(tf.minimum, wide))
    belong &= _pairs(tf.maximum, bottom) - _pairs(tf.minimum, top) <= reader.HIGHEST * line_height[:, :, None]
    is_inside = (wide < high)[:, None] & (margin > reader.INSIDE * high[:, None])
    belong |= is_inside | tf.transpose(is_inside, (0, 2, 1))
    joined = _closed(in_line & belong)
    members = tf.reduce_sum(joined, axis=2)
    top_of, bottom_of = (tf.gather(side, nearest, batch_dims=1) for side in (top, bottom))
    is_mark = ~tall & ((2 * top > top_of + bottom_of) | (bottom <= top_of))
    counted &= ~(is_mark & (members < 2))
    moments = tf.unstack(tf.matmul(joined, tf.stack(moments, axis=2)), axis=2)
    joined = joined > 0
    leader = first_of(joined)
    leads = counted & (leader == number)
    left, top = (tf.reduce_min(tf.where(joined, side[:, None], FAR), axis=2) for side in (left, top))
    right, bottom = (tf.reduce_max(tf.where(joined, side[:, None], -FAR), axis=2) for side in (right, bottom))

    led = tf.cast(in_line & leads[:, None], tf.float32)  # [B, K, K]: the groups of each one's line
    middle = tf.reduce_sum(led * (top + bottom)[:, None], axis=2) / tf.maximum(tf.reduce_sum(led, axis=2), 1.0)
    begins = leads & (first_of(led > 0) == number)  # the first group of its line
    lines_above = begins[:, None] & ~in_line & (middle[:, None] < middle[:, :, None])
    row = tf.reduce_sum(tf.cast(lines_above, tf.int32), axis=2)

    chosen_sheet, chosen = indices(leads)
    chosen = chosen_sheet * tf.size(number) + chosen
    group = tf.reshape(tf.cumsum(tf.cast(tf.reshape(leads, [-1]), tf.int32)) - 1, tf.shape(leads))
    group = tf.where(counted, tf.gather(group, leader, batch_dims=1), tf.size(chosen))
    to = tf.where(exists, part, tf.size(parts.sheet))
    groups = tf.tensor_scatter_nd_min(
        tf.fill([tf.size(parts.sheet) + 1], tf.size(chosen)), tf.reshape(to, [-1, 1]), tf.reshape(group, [-1])
    )
    row, line_height, members, *area = (
        tf.gather(tf.reshape(values, [-1]), chosen)
        for values in (row, line_height, members, left, top, right, bottom, *moments)
    )
    cells = Cells(tf.gather(groups, cells.owner), cells.y, cells.x)
    return cells, Groups(chosen_sheet, row, line_height, tf.cast(members, tf.int32), area[4], _areas(*area))


def _follow(beside: Tensor, middle: Tensor) -> Tensor:
    """Whether one of two parts is the nearest to the left or to the right that stands beside the other, [B, K, K]."""
    number = tf.range(tf.shape(middle)[1])
    gap = middle[:, None] - middle[:, :, None]
    later = (gap > 0) | ((gap == 0) & (number > number[:, None]))
    gap = tf.where(later & beside, gap, FAR)
    nearest = tf.minimum(tf.reduce_min(gap, axis=1, keepdims=True), FAR / 2)
    follows = (gap == nearest) | (gap == tf.minimum(tf.reduce_min(gap, axis=2, keepdims=True), FAR / 2))
    return follows | tf.transpose(follows, (0, 2, 1))


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
    step = tf.maximum(tf.maximum(areas.right - areas.left, areas.bottom - areas.top), 0.1) * (pages.cell / BOX)
    y, x = areas.y * pages.cell, areas.x * pages.cell
    edges = step[:, None] * (np.arange(SIDE + 1, dtype=np.float32) - CENTRE)
    grid = tf.pad(tf.stack([pages.cell / step, y / step, x / step], axis=1), [[0, 1], [0, 0]], constant_values=1e6)
    scale, middle_y, middle_x = tf.unstack(tf.gather(grid, cells.owner), axis=1)
    at_y, at_x = (
        tf.cast(tf.floor((place + 0.5) * scale - middle + (CENTRE + reader.NUDGE)), tf.int32)
        for place, middle in ((cells.y, middle_y), (cells.x, middle_x))
    )
    inside = (at_y >= 0) & (at_y < SIDE) & (at_x >= 0) & (at_x < SIDE)
    at = tf.where(inside, (cells.owner * SIDE + at_y) * SIDE + at_x, tf.size(sheet) * SIDE * SIDE)
    own = tf.tensor_scatter_nd_update(tf.zeros([tf.size(sheet) * SIDE * SIDE + 1]), at[:, None], tf.ones_like(cells.y))
    own = tf.reshape(own[:-1], [-1, SIDE, SIDE])
    image = _darkness(sheet, y[:, None] + edges, x[:, None] + edges, pages) * _and_around(own)
    return image / tf.maximum(tf.reduce_max(image, axis=(1, 2), keepdims=True), 1e-6)


def _darkness(sheet: Tensor, down: Tensor, across: Tensor, pages: Pages) -> Tensor:
    """How much darker than the paper sheets are between edges [n, rows + 1] and [n, columns + 1]."""
    height, width = tf.shape(pages.level)[1], tf.shape(pages.level)[2]
    down, across = _intervals(down, height), _intervals(across, width)
    row = tf.gather(pages.sketch, sheet)[:, None] * height + down.pixel
    above, level = (tf.gather(tf.reshape(values, [-1, width]), row) for values in (pages.above, pages.level))
    sums = above - above[:, :1] + down.beyond[:, :, None] * level  # small numbers keep float32 exact
    sign = tf.gather(pages.sign, sheet)
    white = tf.math.ceil(tf.reduce_max(pages.paper))
    dark = down.length[:, :, None] * white - (sums[:, 1:] - sums[:, :-1]) * sign  # [n, rows, width]
    sums = tf.cumsum(tf.pad(dark, [[0, 0], [0, 0], [1, 0]]), axis=2)
    at = (_numbered(dark) * (width + 1))[:, :, None] + across.pixel[:, None]
    before, after = (tf.gather(tf.reshape(sums, [-1]), at + step) for step in (0, 1))
    sums = before + (after - before) * across.beyond[:, None]
    covered = down.length[:, :, None] * across.length[:, None]
    paper = tf.gather(
        tf.reshape(pages.paper, [-1]), _crossed((sheet[:, None] * GRID + down.paper) * GRID, across.paper)
    )
    return tf.nn.relu((paper - white) * covered + sums[:, :, 1:] - sums[:, :, :-1])


def _numbered(values: Tensor) -> Tensor:
    """The number of each row of each of the values, [n, rows]."""
    count, rows = tf.shape(values)[0], tf.shape(values)[1]
    return tf.reshape(tf.range(count * rows), [count, rows])


def _and_around(inside: Tensor) -> Tensor:
    """Some pixels and those that touch them, 1.0 or 0.0, [n, rows, columns]."""
    return tf.nn.max_pool2d(inside[..., None], 3, 1, "SAME")[..., 0]


class _Intervals(NamedTuple):
    """Intervals between edges along one axis of the sheets."""

    pixel: Tensor
    """The sheet's pixel in which each edge lies, [n, edges]."""
    beyond: Tensor
    """How far the edge lies beyond that pixel's start, [n, edges]."""
    length: Tensor
    """Of the sheet's pixels in each interval, [n, edges - 1]."""
    paper: Tensor
    """The cell of the paper in which each interval's middle lies, [n, edges - 1]."""


def _intervals(edges: Tensor, side: Tensor) -> _Intervals:
    length = tf.cast(side, tf.float32)
    middle = (edges[:, :-1] + edges[:, 1:]) / 2
    paper = tf.clip_by_value(tf.cast(middle * GRID / length + reader.NUDGE, tf.int32), 0, GRID - 1)
    edges = tf.clip_by_value(edges, 0.0, length)
    pixel = tf.minimum(tf.cast(edges, tf.int32), side - 1)
    return _Intervals(pixel, edges - tf.cast(pixel, tf.float32), edges[:, 1:] - edges[:, :-1], paper)


def _crossed(rows: Tensor, columns: Tensor) -> Tensor:
    return rows[:, :, None] + columns[:, None]


def _judged(networks: Networks, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Probabilities [n, 3, 10]: LeNet5's, FFNN's, and their mean; LeNet5's maps."""
    lenet5, maps = networks.lenet5(images)
    return _with_mean(tf.stack([lenet5, networks.ffnn(images)], axis=1)), maps


def _with_mean(both: Tensor) -> Tensor:
    return tf.concat([both, tf.reduce_mean(both, axis=1, keepdims=True)], axis=1)


def _doubts(cells: Cells, groups: Groups, doubtful: Tensor, ink: Tensor, pages: Pages) -> tuple[Doubts, Tensor]:
    """Lay the doubtful groups on grids, and find seams through them; and tell whether there are any."""
    (number,) = indices(doubtful)
    order = tf.cumsum(tf.cast(doubtful, tf.int32)) - 1
    owner = tf.concat([tf.where(doubtful, order, -1), [-1]], axis=0)
    owner = tf.gather(owner, cells.owner)
    (mine,) = indices(owner >= 0)
    cells = Cells(*(tf.gather(values, mine) for values in (owner, cells.y, cells.x)))
    sheet, area = tf.gather(groups.sheet, number), groups.areas.gather(number)
    unit = (area.bottom - area.top) / ROWS
    dark, filled, breadth = _on_grid(cells, sheet, area, unit, ink, pages)
    seams = seams_of(filled, breadth)
    return Doubts(number, unit, dark, filled, seams), tf.reduce_any(seams.goal > 1)


def _no_doubts(cells: Cells, groups: Groups, doubtful: Tensor, ink: Tensor, pages: Pages) -> tuple[Doubts, Tensor]:
    none = tf.reduce_sum(tf.cast(doubtful, tf.int32))  # 0, but OpenVINO takes a constant without elements for a scalar
    nothing, grid = tf.zeros([none]), tf.zeros(tf.stack([none, ROWS, none]))
    number = tf.cast(nothing, tf.int32)
    seams = Seams(tf.cast(tf.transpose(grid, (0, 2, 1)), tf.int32), grid[:, 0], number)
    return Doubts(number, nothing, grid, grid, seams), none > 0


def _cut(
    networks: Networks,
    groups: Groups,
    images: Tensor,
    read_whole: Any,
    doubtful: Tensor,
    doubts: Doubts,
    pages: Pages,
    have_one: Tensor,
) -> tuple[Entries, Tensor]:
    """Cut the doubtful groups into digits, where it is certain that they are several."""
    whole, _ = _uncut(groups, images, read_whole, doubtful, doubts, pages, have_one)
    unsure, unit, dark, filled, seams = doubts
    area, sheet = groups.areas.gather(unsure), tf.gather(groups.sheet, unsure)
    count, line_height = tf.size(unsure), tf.gather(groups.height, unsure) / unit
    digits = digits_of(dark, filled, seams, line_height, networks)

    group, of = digits.spans.group, digits.spans.group[:, None]
    answers = _with_mean(digits.answers)
    sure = tf.reduce_max(answers[:, 2], axis=1)
    least = tf.tensor_scatter_nd_min(tf.ones([count]), of, sure)
    pieces = _count(group, tf.ones_like(sure), count)
    ones = _count(group, tf.cast(tf.argmax(answers[:, 2], axis=1, output_type=tf.int32) == 1, tf.float32), count)
    goodness = _count(group, digits.goodness, count) / pieces
    sure = tf.reduce_max(read_whole[0][:, 2], axis=1)
    is_sure = tf.cast(sure > reader.SURE, tf.float32)
    beside = [_count(groups.sheet, v, tf.shape(pages.image)[0]) for v in (is_sure, tf.ones_like(is_sure))]
    surely, others = (tf.gather(n, sheet) - m for n, m in zip(beside, (tf.gather(is_sure, unsure), 1.0), strict=True))
    evidence = [
        tf.math.log(least),
        (area.right - area.left) / (area.bottom - area.top),
        surely / tf.maximum(others, 1.0),
        goodness,
        tf.math.log(tf.maximum(tf.gather(sure, unsure), 0.03)),
        ones / pieces,
        tf.ones_like(least),
    ]
    certain = tf.linalg.matvec(tf.stack(evidence, axis=1), reader.EVIDENCE) > 0
    certain &= (pieces > 1) & (least > reader.PROBABLE)
    certain &= ones <= tf.maximum(float(reader.ONES), pieces / 2)
    (chosen,) = indices(tf.gather(certain, group))
    number = tf.cumsum(tf.cast(doubtful, tf.int32)) - 1
    (uncut,) = indices(~doubtful | ~tf.gather(certain, tf.maximum(number, 0)))
    spans, group = digits.spans.gather(chosen), tf.gather(group, chosen)
    at = tf.stack([area.left, area.top] * 2, axis=1)
    boxes = tf.stack([spans.left - 1, spans.top, spans.right - 1, spans.bottom], axis=1)
    parts = Entries(
        tf.gather(sheet, group),
        tf.gather(tf.gather(groups.line, unsure), group),
        tf.gather(area.x, group),
        spans.start,
        boxes * tf.gather(unit, group)[:, None] + tf.gather(at, group),
        *tf.nest.map_structure(lambda values: tf.gather(values, chosen), (answers, digits.images, digits.maps)),
    )
    entries = tf.nest.map_structure(lambda a, b: tf.concat([tf.gather(a, uncut), b], axis=0), whole, parts)
    return entries, have_one & (tf.size(chosen) == 0)


def _on_grid(
    cells: Cells, sheet: Tensor, area: Areas, unit: Tensor, ink: Tensor, pages: Pages
) -> tuple[Tensor, Tensor, Tensor]:
    """Lay groups on grids of ROWS rows: darkness and ink [U, ROWS, C], and how many columns each takes."""
    rows, columns = tf.shape(ink)[1], tf.shape(ink)[2]
    breadth = tf.cast((area.right - area.left) / unit + reader.NUDGE, tf.int32) + 2
    column = tf.range(tf.reduce_max(breadth))
    edges = (
        area.top[:, None] + unit[:, None] * np.arange(ROWS + 1, dtype=np.float32),
        area.left[:, None] + unit[:, None] * tf.cast(tf.range(-1, tf.size(column)), tf.float32),
    )
    y, x = (
        tf.clip_by_value(tf.cast(each[:, :-1] + (unit[:, None] / 2 + reader.NUDGE), tf.int32), 0, size - 1)
        for each, size in zip(edges, (rows, columns), strict=True)
    )
    place = (tf.gather(sheet, cells.owner) * rows + tf.cast(cells.y, tf.int32)) * columns + tf.cast(cells.x, tf.int32)
    owners = tf.tensor_scatter_nd_update(tf.fill([tf.size(ink)], -1), place[:, None], cells.owner)
    own = (
        tf.gather(owners, _crossed((sheet[:, None] * rows + y) * columns, x)) == tf.range(tf.size(unit))[:, None, None]
    )
    within = (column > 0) & (column < breadth[:, None] - 1)  # [U, C]
    filled = tf.cast(own & within[:, None], tf.float32)
    dark = _darkness(sheet, edges[0] * pages.cell, edges[1] * pages.cell, pages) * _and_around(filled)
    return dark / tf.maximum(tf.reduce_max(dark, axis=(1, 2), keepdims=True), 1e-6), filled, breadth


def _or_one_digit(entries: Entries, read_pictures: Any, pages: Pages) -> Entries:
    """Take a sheet for one digit where the networks read it surely as one, and few and not all of its pieces so."""
    probabilities, maps = read_pictures
    count, owner = tf.shape(pages.image)[0], entries.sheet[:, None]
    read = tf.cast(tf.reduce_max(entries.probabilities[:, 2], axis=1) > reader.PROBABLE, tf.float32)
    pieces, read = (_count(entries.sheet, each, count) for each in (tf.ones_like(read), read))
    few = read < tf.minimum(pieces, float(reader.FEW))
    (sheet,) = indices(tf.reduce_max(probabilities[:, 2], axis=1) > reader.SURE)  # none if no whole sheets were read
    sheet = tf.gather(sheet, indices(tf.gather(few, sheet))[0])
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
    (kept,) = indices(tf.gather(is_one, entries.sheet) == 0)
    return tf.nest.map_structure(lambda a, b: tf.concat([tf.gather(a, kept), b], axis=0), entries, ones)


def _without_smears(entries: Entries, sheets: Tensor) -> Entries:
    """Leave out smears beside digits."""
    _, is_digit = _counts(entries.probabilities, entries.images)
    digits = _count(entries.sheet, tf.cast(is_digit, tf.int32), sheets)
    (kept,) = indices(~_is_smear(entries.images) | (tf.gather(digits, entries.sheet) == 0))
    return tf.nest.map_structure(lambda values: tf.gather(values, kept), entries)


def _is_smear(images: Tensor) -> Tensor:
    """Whether ink is a dot, or as dense as a filled rectangle, and not long."""
    across = tf.matmul(images, reader.POWERS)
    moments = tf.reduce_sum(across[..., None] * reader.POWERS[:, None], axis=1)  # a matmul fails for no images
    (mass, y, yy), (x, yx, _), (xx, _, _) = (tf.unstack(row, axis=1) for row in tf.unstack(moments, axis=1))
    yy, xx, yx = mass * yy - y * y, mass * xx - x * x, mass * yx - y * x
    determinant = yy * xx - yx * yx
    is_dense = (mass**6 > reader.SOLID * determinant) & ((yy + xx) ** 2 < reader.LONG * determinant)
    return is_dense | (yy + xx < reader.TINY * mass**2)


def _counts(probabilities: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """How sure the networks are of each piece of ink, and whether it counts as a digit."""
    sure = tf.reduce_max(probabilities[:, 2], axis=1)
    return sure, (sure > reader.PROBABLE) & ~_is_smear(images)


def _as_they_are(entries: Entries, read_pictures: Any, pages: Pages, clearness: Clearness) -> dict[str, Tensor]:
    """Do what _in_order() does with one piece of ink on each sheet."""
    sure, counts = _counts(entries.probabilities, entries.images)
    digit = tf.argmax(entries.probabilities[:, 2], axis=1, output_type=tf.int64)
    outputs = {
        "digits": tf.where(counts, digit, -1),
        "line": tf.cast(entries.line, tf.int64),
        "sure": sure,
        "boxes": entries.boxes * pages.cell,
        "probabilities": entries.probabilities,
        "images": entries.images,
        **entries.maps,
    }
    return {name: values[:, None] for name, values in outputs.items()}


def _in_order(entries: Entries, read_pictures: Any, pages: Pages, clearness: Clearness) -> dict[str, Tensor]:
    """Lay pieces of ink out in reading order, after the rule when they count as digits, as the best look shows them."""
    sheets = tf.shape(pages.image)[0]
    entries = _without_smears(_or_one_digit(entries, read_pictures, pages), sheets)
    sheet, line, x, piece, boxes, probabilities, images, maps = entries
    sure, is_digit = _counts(probabilities, images)
    counts = tf.cast(is_digit, tf.float32)
    same_sheet = sheet[:, None] == sheet
    same_line = tf.cast(same_sheet & (line[:, None] == line), tf.float32)
    on_sheet = tf.cast(same_sheet, tf.float32)
    share = tf.linalg.matvec(same_line, counts) / tf.reduce_sum(same_line, axis=1)
    counts = tf.where(share >= reader.DIGITS, counts, 0.0)
    share = tf.linalg.matvec(on_sheet, counts) / tf.reduce_sum(on_sheet, axis=1)
    is_number = (share >= reader.SHEET) | (tf.linalg.matvec(same_line, counts) >= reader.FEW)
    digit = tf.argmax(probabilities[:, 2], axis=1, output_type=tf.int64)
    digit = tf.where((counts > 0) & is_number, digit, -1)

    best = _best_looks(digit, sheet, read_pictures[0], pages, clearness)
    (kept,) = indices(sheet == tf.gather(best, tf.gather(pages.sketch, sheet)))
    chosen = sheet, line, x, piece, boxes, probabilities, images, maps, sure, digit
    chosen = tf.nest.map_structure(lambda values: tf.gather(values, kept), chosen)
    sheet, line, x, piece, boxes, probabilities, images, maps, sure, digit = chosen
    sheet, sheets = tf.gather(pages.sketch, sheet), tf.size(best)
    same_sheet = sheet[:, None] == sheet
    number = tf.range(tf.size(sheet))
    earlier = piece < piece[:, None]
    earlier |= (piece == piece[:, None]) & (number < number[:, None])
    earlier = (x < x[:, None]) | ((x == x[:, None]) & earlier)
    earlier = (line < line[:, None]) | ((line == line[:, None]) & earlier)
    place = tf.reduce_sum(tf.cast(same_sheet & earlier, tf.int32), axis=1)
    (kept,) = indices(place < reader.PIECES)
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


def _best_looks(digits: Tensor, sheet: Tensor, pictures: Tensor, pages: Pages, clearness: Clearness) -> Tensor:
    """The number of the sheet that shows each sketch best. `pictures` are the answers for whole sheets."""
    unclear, other, same = clearness
    sketches, sheets = tf.size(unclear), tf.size(pages.sketch)
    none = tf.zeros([3 * sketches])

    def by_look(values: Tensor) -> Tensor:
        return tf.reshape(tf.concat([values, none], axis=0)[: 3 * sketches], [3, sketches])

    images = tf.where(by_look(tf.cast(_is_smear(pages.image), tf.float32)) > 0, 0.0, by_look(_probable(pictures)))
    straight, turned, last = tf.unstack(images)
    of_drawing = straight, tf.where(other & (turned > reader.SURE), turned, 0.0), tf.where(same, reader.SURE, 0.0)
    of_photograph = (
        tf.where(same, tf.maximum(straight, reader.SURE), straight),
        tf.where(other, tf.maximum(turned, reader.TURNED), turned),
        last,
    )
    is_drawn = unclear > 1
    sure = [tf.where(is_drawn, a, b) for a, b in zip(of_drawing, of_photograph, strict=True)]
    surest = tf.argmax(tf.stack(sure), output_type=tf.int32)
    gains = by_look(_count(sheet, tf.where(digits < 0, -2.0, 1.0), sheets))
    most = tf.argmax(gains, output_type=tf.int32)
    gain = tf.gather(tf.transpose(gains), surest, batch_dims=1)
    more = tf.where(tf.reduce_max(images, axis=0) < reader.SURE, 1.0, 2.0) * reader.FEW
    is_page = ~is_drawn & (tf.reduce_max(gains, axis=0) >= tf.maximum(gain, 0.0) + more)
    best = tf.where(is_page, most, surest)
    return tf.where(unclear > 0, best, 0) * sketches + tf.range(sketches)


def _probable(answers: Tensor) -> Tensor:
    """Probability of the likeliest digit, [n], or 0 if that does not count."""
    sure = tf.reduce_max(answers[:, 2], axis=1)
    return tf.where(sure > reader.PROBABLE, sure, 0.0)
