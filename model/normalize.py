"""Normalize a sketch to the image that the networks see, the way MNIST itself was made.

MNIST's digits were scaled to fit 20 x 20 pixels with their aspect kept, antialiased, and placed in 28 x 28 by their
centre of mass (LeCun, Bottou, Bengio, Haffner 1998, section III A). Before that, the digit must be found. A person who
looks at a photograph sees it at once, and ignores the grain of the paper, its lines, its edge, shadows and specks.

The search runs on a grid of GRID x GRID cells that covers the sketch, so that it costs the same for every sketch, and
so that grain is averaged away. Each step has a reason:

1. Dark or light ink: strokes are narrow, so the side on which levels stray farthest from their surroundings is the ink.
2. Paper: a morphological closing fills everything darker that is narrower than a stroke can be. What is wider is paper:
   a second tone, a shadow, a table. Ink is what is darker than that paper. Narrow and wide strokes are tried.
3. Lines that keep their darkness from one border to the other are printed ones. Only their own darkness is subtracted,
   so that strokes across them remain.
4. What clings to the border over more than a stroke's width is the edge of the sheet or a strip of table.
5. Grain: the mean of what is left, without what sticks out of it, is not ink.
6. Specks: ink with too little other ink around it does not count.

The image itself is taken from the pixels. Two small matrices do this. Pixel i of the image covers an interval of the
sketch's axis, and row i of the matrix holds the overlaps of that interval with the sketch's rows. So `rows @ level @
columns` crops, scales, antialiases and centres at once, in operators that every runtime has.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image

SIDE = 28  # pixels of the image
BOX = 20  # pixels that the longer side of the ink takes
CENTRE = 14.5  # MNIST moved the centre of mass into pixel 14, by whole pixels: on average, to the middle of it

GRID = 64  # cells along each side of the sketch
FINE = 3 * GRID  # rows of the sketch from which the image is taken
SURROUNDINGS = 19  # cells: the mean level of a square around each cell tells dark ink from light
STROKES = 7, 21  # cells: wider than narrow strokes, wider than any stroke
CONTACTS = 5, 21  # cells: narrow and wide strokes touch the border over less
SLOPES = np.linspace(-0.24, 0.24, 9)  # of printed lines: two thirds of a cell apart at the end of a half line
PARTS = 8  # in each of which a printed line may fade
COARSE = 4  # cells: the step in which the sheet's edge is followed inwards
INWARDS = 20  # such steps
AROUND = 9  # pairs of cells: the square around a cell that must hold other ink

GRAIN = 2.0  # times the mean of what is no ink: less is paper
CLIP = 1.6  # times that mean: what sticks out farther is ink
CONTRAST = 6.0  # grey levels of 255: if no ink is darker than that, the sheet is blank
EDGE_CONTRAST = 40.0  # grey levels: if there is only ink that clings to the border, less is a shadow
ABOVE_GRAIN = 6.0  # times the mean of what is no ink: if no ink is stronger, the sheet is blank
FAINTEST = 0.25  # of the strongest ink: less does not tell where the digit is
RIM = 0.2  # of the strongest ink: less does not belong to the box that is scaled to 20 x 20
LONELY = 0.12  # of the most ink around any cell: a cell with less around it does not count
EDGE_ONLY = 0.1  # of the most ink around any cell: if less is left without the border's, the border's is the digit
NARROW = 1.1  # times the narrow strokes' ink: as much may lie in their box if strokes up to 21 cells are taken
ASTRAY = 0.1  # times the narrow strokes' ink: if wide strokes find more outside their box, that is no digit
EVEN = 0.04  # of the contrast: the paper of a drawing varies less

_CELLS = np.arange(GRID, dtype=np.float32) + (0.5 - GRID / 2)  # distance of the cells from the middle of the sketch
_FIRST, _LAST = np.zeros(1, np.int32), np.full(1, GRID - 1, np.int32)


def normalize(sketch: Any) -> Any:
    """Normalize sketches to the images that the networks see.

    `sketch` is uint8 [batch, height, width], 8 x 8 to 2,048 x 2,048, drawn or photographed, dark on light or light on
    dark. Returns float32 [batch, 28, 28]: paper 0, the strongest ink 1. A blank sketch gives a blank image.
    """
    return separate(sketch)[0]


def separate(sketch: Any) -> tuple[Any, Any, Any, Any]:
    """Normalize sketches, and tell their ink from their paper.

    Returns what normalize() does; `sign` [batch, 1, 1] and `paper` [batch, GRID, GRID]: ink is where sign * level is
    less than the paper's; and where ink was found, 0 to 1, [batch, GRID, GRID].
    """
    level = ops.cast(sketch, "float32")
    row, column = _count(level, axis=1), _count(level, axis=2)  # [1, 1, height], [1, 1, width]: 1, 2, 3 ...
    height, width = ops.max(row, axis=(1, 2)), ops.max(column, axis=(1, 2))  # [1] each
    cell_height, cell_width = height / GRID, width / GRID
    integrals = _integrals(level, FINE, height)  # [batch, FINE + 1, width]
    cells = _integrals(_transpose(_differences(integrals, FINE // GRID)), GRID, width)
    grid = _transpose(_differences(cells, 1)) / (cell_height * cell_width)  # [batch, GRID, GRID], mean levels

    light, drawn = _polarity(grid)
    base, sign = 255 * light, 1 - 2 * light
    grid = base + sign * grid  # from here on, ink is dark
    paper, found, ink = _find(grid, drawn, row)

    beside = ops.maximum(ops.squeeze(_largest(ops.expand_dims(ink, 1), 3), axis=1), 1e-3)
    cover = ops.clip(4 * beside / (RIM * _max(beside)) - 3, 0.0, 1.0) * (ink / beside)
    tall, broad = _extent(cover)
    step = ops.maximum(ops.maximum(tall * cell_height, broad * cell_width), 0.1) / BOX
    y, x = _centre(ops.sum(ink, axis=2)), _centre(ops.sum(ink, axis=1))

    rows = _overlaps((_CELLS - y) * cell_height, step, cell_height)  # [batch, 28, GRID]
    columns = _transpose(_overlaps((_CELLS - x) * cell_width, step, cell_width))
    near = ops.minimum(ops.matmul(rows, ops.matmul(_near(found), columns)) * (4 / (step * step)), 1.0)
    papers = ops.matmul(rows, ops.matmul(paper, columns))
    fine_rows = (np.arange(FINE, dtype=np.float32) + (0.5 - FINE / 2)) * (height / FINE) - y * cell_height
    rows = _overlaps(fine_rows, step, height / FINE)
    columns = _transpose(_overlaps(column - (width + 1) / 2 - x * cell_width, step, 1.0))
    levels = ops.matmul(ops.matmul(rows, _differences(integrals, 1) * (FINE / height)), columns)
    covered = ops.matmul(ops.sum(rows, axis=2, keepdims=True), ops.sum(columns, axis=1, keepdims=True))
    image = ops.relu(papers - base * covered - sign * levels) * near
    return image / ops.maximum(_max(image), 1e-6), sign, paper - base, found


_normalize_graph = tf.function(normalize, reduce_retracing=True)


def normalize_all(sketches: Iterator[Image.Image], count: int, batch_size: int = 100) -> np.ndarray:
    """Normalize `count` sketches of one size in batches: uint8 [count, 28, 28], ink 255 on paper 0."""
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for start in range(0, count, batch_size):
        batch = np.stack([np.asarray(next(sketches)) for _ in range(min(batch_size, count - start))])
        images[start : start + len(batch)] = np.rint(_normalize_graph(batch).numpy() * 255)
    return images


def _count(level: Any, axis: int) -> Any:
    """Count along `axis` of [batch, height, width]: [1, 1, n] with 1, 2, 3 ... Neither Shape nor Range is needed, which
    tract refuses.
    """
    line = _take(_take(level, _FIRST, axis=0), _FIRST, axis=3 - axis) * 0 + 1
    return ops.cumsum(line if axis == 2 else _transpose(line), axis=2)


def _integrals(level: Any, parts: int, length: Any) -> Any:
    """Integrate [batch, length, m] along the second axis, from 0 to the edges of `parts` equal parts of it.

    Returns [batch, parts + 1, m]. The sums of whole levels are exact in float32.
    """
    edge = np.arange(parts + 1, dtype=np.float32) * length / parts
    index = ops.cast(ops.minimum(edge, length - 1), "int32")
    beyond = ops.reshape(edge - ops.cast(index, "float32") - 1, (1, parts + 1, 1))
    return _take(ops.cumsum(level, axis=1), index, axis=1) + beyond * _take(level, index, axis=1)


def _differences(integrals: Any, step: int) -> Any:
    """Integrate over each `step` parts, given the integrals up to the edges of the parts."""
    edges = np.arange(0, integrals.shape[1], step, dtype=np.int32)
    return _take(integrals, edges[1:], axis=1) - _take(integrals, edges[:-1], axis=1)


def _polarity(grid: Any) -> tuple[Any, Any]:
    """Tell whether ink is lighter than paper, and whether the sheet is drawn: 1 or 0, [batch, 1, 1] each.

    A drawing's paper has one level, that of the border. Either ink keeps away from the border and fills less than half
    of the sheet, or the drawing is cropped to its ink and touches all four sides.
    """
    near = np.clip(np.arange(GRID + SURROUNDINGS - 1) - SURROUNDINGS // 2, 0, GRID - 1).astype(np.int32)
    wide = ops.expand_dims(_take(_take(grid, near, axis=1), near, axis=2), 1)
    away = grid - ops.squeeze(_pool(ops.average_pool, wide, SURROUNDINGS, 1, "valid"), axis=1)
    skew = ops.sum(away * away * away, axis=(1, 2), keepdims=True)

    lightest, darkest = _max(grid), _min(grid)
    contrast = lightest - darkest
    border = ops.squeeze(_sides(ops.expand_dims(grid, 1)), axis=1)  # [batch, 4, GRID]
    light_border = 2 * ops.mean(border, axis=(1, 2), keepdims=True) - lightest - darkest  # negative if ink is light
    ink_is_light = _is_positive(-light_border)
    strength = ink_is_light * (border - darkest) + (1 - ink_is_light) * (lightest - border)
    even = ops.mean(_is_positive(EVEN * contrast - strength), axis=(1, 2), keepdims=True)
    touched = ops.expand_dims(ops.min(ops.max(strength, axis=2), axis=1, keepdims=True), 2)
    mean = ops.mean(grid, axis=(1, 2), keepdims=True)
    filled = ink_is_light * (mean - darkest) + (1 - ink_is_light) * (lightest - mean)
    within, cropped = (
        ops.minimum(even - 0.98, 0.5 * contrast - filled),
        ops.minimum(even - 0.5, touched - 0.5 * contrast),
    )
    drawn = _is_positive(ops.maximum(within, cropped))
    return _is_positive(skew - drawn * (skew + light_border)), drawn


def _find(grid: Any, drawn: Any, row: Any) -> tuple[Any, Any, Any]:
    """Find the ink that makes the digit, in the levels of the cells, [batch, GRID, GRID], dark on light.

    Returns the level above which a cell is paper, where the digit is, 0 to 1, and its ink in grey levels, all
    [batch, GRID, GRID].
    """
    cells = ops.expand_dims(grid, 1)
    narrow, wide = STROKES
    filled = _largest(cells, narrow)
    papers = ops.concatenate(
        [-_largest(-filled, narrow), -_largest(-_largest(filled, wide - narrow + 1), wide)], axis=1
    )
    dark = papers - cells  # [batch, 2, GRID, GRID]
    dark = dark - ops.minimum(dark, _lines(dark, row))
    grain = GRAIN * _clipped_mean(dark)
    free = dark - ops.minimum(dark, _clinging(dark))
    lightest = ops.max(cells, axis=(2, 3), keepdims=True)

    # Five candidates: narrow and wide strokes, without what clings to the border and with it, and a drawing's ink
    candidates = ops.concatenate([free, dark, lightest - cells], axis=1)  # [batch, 5, GRID, GRID]
    grain = ops.concatenate([grain, grain, lightest * 0], axis=1)
    ink = ops.relu(candidates - grain)
    strongest = ops.max(ink, axis=(2, 3), keepdims=True)
    found = ops.clip(ink / ops.maximum(FAINTEST * strongest, 1e-3) - 1, 0.0, 1.0)
    counted = ops.minimum(ink, 0.5 * strongest) * found
    pairs = _pool(ops.average_pool, counted, 2, 2, "valid")  # [batch, 5, GRID / 2, GRID / 2]
    margin = (AROUND // 2, AROUND // 2)
    around = _pool(ops.average_pool, ops.pad(pairs, ((0, 0), (0, 0), margin, margin)), AROUND, 1, "valid")
    most = ops.max(around, axis=(2, 3), keepdims=True)
    least = ops.maximum(LONELY * most, 1e-6)
    sociable = ops.clip(6 * (around / least - 1), 0.0, 1.0)
    pairs = pairs * sociable

    inner, border = np.array([0, 1], np.int32), np.array([2, 3], np.int32)
    is_inner = _is_positive(_take(most, inner, axis=1) - EDGE_ONLY * _take(most, border, axis=1))  # [batch, 2, 1, 1]
    chosen = is_inner * _take(pairs, inner, axis=1) + (1 - is_inner) * _take(pairs, border, axis=1)
    narrow_ink, wide_ink = _take(chosen, _FIRST, axis=1), _take(chosen, _FIRST + 1, axis=1)
    amount = ops.sum(narrow_ink, axis=(2, 3), keepdims=True)
    within = ops.sum(wide_ink * _box(narrow_ink), axis=(2, 3), keepdims=True)
    astray = ops.sum(wide_ink, axis=(2, 3), keepdims=True) - within
    is_narrow = _is_positive(ops.minimum(NARROW * amount - within, astray - ASTRAY * amount))

    is_drawn = ops.expand_dims(drawn, 1)
    width = ops.concatenate([is_narrow, 1 - is_narrow], axis=1) * (1 - is_drawn)
    weight = ops.concatenate([width * is_inner, width * (1 - is_inner), is_drawn], axis=1)  # [batch, 5, 1, 1]
    darkest = ops.max(candidates, axis=(2, 3), keepdims=True)
    darkest = _take(darkest, np.array([0, 0, 2, 3, 4], np.int32), axis=1)  # wide ink without any edge is a shadow
    contrast = np.array([CONTRAST, CONTRAST, EDGE_CONTRAST, EDGE_CONTRAST, CONTRAST], np.float32)[:, None, None]
    has_ink = _is_positive(darkest - ops.maximum(ABOVE_GRAIN / GRAIN * grain, contrast))
    levels = ops.concatenate([papers, papers, lightest + 0 * cells], axis=1) - grain
    paper = ops.sum(weight * levels, axis=1)
    weight = weight * has_ink
    found = ops.sum(weight * found, axis=1) * ops.squeeze(
        _enlarge(ops.sum(weight * sociable, axis=1, keepdims=True)), 1
    )
    return paper, found, ops.sum(weight * ink, axis=1) * _near(found)


def _lines(dark: Any, row: Any) -> Any:
    """The darkness that straight lines keep from one border to the other, through each cell: [batch, 2, GRID, GRID].

    A line from left to right is as dark as its weakest part. It may be a cell off, and slope by SLOPES.
    """
    both = ops.concatenate([dark, ops.transpose(dark, (0, 1, 3, 2))], axis=1)
    above, below = (np.clip(np.arange(GRID) + step, 0, GRID - 1).astype(np.int32) for step in (-1, 1))
    thick = ops.maximum(both, ops.maximum(_take(both, above, axis=2), _take(both, below, axis=2)))
    parts = _pool(ops.average_pool, thick, (1, GRID // PARTS), (1, GRID // PARTS), "valid")
    ends = _take(thick, np.array([0, GRID - 1], np.int32), axis=3)
    parts = ops.transpose(ops.concatenate([parts, ends], axis=3), (0, 2, 3, 1))
    parts = ops.reshape(parts, (-1, GRID * (PARTS + 2), 4))

    middles = np.append((np.arange(PARTS) + 0.5) * (GRID // PARTS), [0.5, GRID - 0.5]) - GRID / 2
    shift = np.rint(SLOPES[:, None, None] * middles).astype(np.int32)  # [slopes, 1, parts + 2]
    zero = ops.cast(ops.max(row, axis=(1, 2)) * 0, "int32")  # keeps the large indices out of the file
    cell = zero + np.arange(GRID, dtype=np.int32)[:, None]
    through = ops.clip(cell + shift, 0, GRID - 1) * (PARTS + 2) + np.arange(PARTS + 2, dtype=np.int32)
    held = ops.min(_take(parts, through, axis=1), axis=3)  # [batch, slopes, GRID, 4]
    held = ops.reshape(held, (-1, len(SLOPES) * GRID, 4))
    slope = GRID * np.arange(len(SLOPES), dtype=np.int32)[:, None, None]
    back = ops.clip(cell - shift[..., :PARTS], 0, GRID - 1) + slope
    lines = ops.max(_take(held, back, axis=1), axis=1)  # [batch, GRID, parts, 4]
    lines = _take(lines, np.repeat(np.arange(PARTS, dtype=np.int32), GRID // PARTS), axis=2)
    lines = ops.transpose(lines, (0, 3, 1, 2))
    along, down = (_take(lines, np.array(half, np.int32), axis=1) for half in ([0, 1], [2, 3]))
    return ops.maximum(along, ops.transpose(down, (0, 1, 3, 2)))


def _clinging(dark: Any) -> Any:
    """The darkness that clings to the border over more than a stroke's width, as far as it reaches inwards.

    That is a morphological reconstruction, on coarse cells.
    """
    count = GRID // COARSE
    borders = [ops.reshape(_sides(_take(dark, _FIRST + index, axis=1)), (-1, 4, 1, GRID)) for index in range(2)]
    borders = [_largest(-_largest(-b, c), c) for b, c in zip(borders, CONTACTS, strict=True)]
    marker = ops.max(ops.reshape(ops.concatenate(borders, axis=1), (-1, 2, 4, count, COARSE)), axis=4)
    first, last = np.eye(count, dtype=np.float32)[[0, -1], :, None]
    top, bottom, left, right = (_take(marker, np.array([side], np.int32), axis=2) for side in range(4))
    across, down = ops.maximum(top * first, bottom * last), ops.maximum(left * first, right * last)
    reached = ops.maximum(across, ops.transpose(down, (0, 1, 3, 2)))
    limit = _largest(dark, COARSE, COARSE)
    for _ in range(INWARDS):
        reached = ops.minimum(_largest(reached, 3), limit)
    return _enlarge(reached)


def _clipped_mean(dark: Any) -> Any:
    """The mean of what sticks out of it by little, [batch, n, 1, 1]: of the paper, as long as most cells are paper."""
    mean = ops.mean(dark, axis=(2, 3), keepdims=True)
    for _ in range(6):
        mean = ops.mean(ops.minimum(dark, CLIP * mean), axis=(2, 3), keepdims=True)
    return mean


def _box(ink: Any) -> Any:
    """The bounding box of the ink, 1 inside and 0 outside: [batch, 1, n, n]."""
    inside = []
    for axis in (2, 3):
        inked = _is_positive(ops.max(ink, axis=axis))  # [batch, 1, n]
        before = ops.cumsum(inked, axis=2)
        after = ops.sum(inked, axis=2, keepdims=True) - before + inked
        inside.append(ops.minimum(ops.minimum(before, after), 1.0))
    rows, columns = inside[1], inside[0]
    return ops.expand_dims(rows, 3) * ops.expand_dims(columns, 2)


def _extent(cover: Any) -> tuple[Any, Any]:
    """Find the height and the width of the box around ink, each [batch, 1, 1], in cells.

    `cover` [batch, GRID, GRID] tells how much of a cell is covered. What covers half of a cell adds half a cell.
    """
    lines = ops.stack([ops.max(cover, axis=2), ops.max(cover, axis=1)], axis=1)  # [batch, 2, GRID]
    lines = ops.expand_dims(lines, 1)
    extent = -float(GRID)
    for padding in ((GRID - 1, 0), (0, GRID - 1)):  # the most up to each cell, and from it on
        most = _pool(ops.max_pool, ops.pad(lines, ((0, 0), (0, 0), (0, 0), padding)), (1, GRID), 1, "valid")
        extent = extent + ops.sum(most, axis=(1, 3))  # [batch, 2]
    height, width = (ops.expand_dims(_take(extent, place, axis=1), 2) for place in (_FIRST, _FIRST + 1))
    return height, width


def _centre(ink: Any) -> Any:
    """Centre of mass of `ink` [batch, GRID] along a line of cells: [batch, 1, 1], in cells from the middle.

    Small numbers keep float32 exact.
    """
    ink = ops.expand_dims(ink, 1)
    moment = ops.sum(ink * _CELLS, axis=2, keepdims=True)
    return moment / ops.maximum(ops.sum(ink, axis=2, keepdims=True), 1e-6)


def _overlaps(position: Any, step: Any, length: Any) -> Any:
    """Overlap of each image pixel, `step` long, with each of n intervals of `length`: [batch, 28, n].

    `position` is the distance of the intervals' middles from the centre of mass. Two intervals overlap by half the sum
    of their lengths minus the distance of their middles; at least by 0, at most by the shorter length.
    """
    middle = step * (np.arange(SIDE, dtype=np.float32)[:, None] + 0.5 - CENTRE)
    overlap = (step + length) / 2 - ops.abs(position - middle)
    return ops.minimum(ops.relu(overlap), ops.minimum(step, length))


def _sides(grid: Any) -> Any:
    """The cells along the four borders: top, bottom, left, right: [batch, n, 4, GRID]."""
    rows = [_take(grid, place, axis=2) for place in (_FIRST, _LAST)]
    columns = [ops.transpose(_take(grid, place, axis=3), (0, 1, 3, 2)) for place in (_FIRST, _LAST)]
    return ops.concatenate(rows + columns, axis=2)


def _pool(pool: Any, values: Any, size: Any, step: Any, padding: str) -> Any:
    """Pool [batch, n, height, width], each of the n by itself."""
    flat = pool(ops.reshape(values, (-1, *values.shape[2:], 1)), size, step, padding, data_format="channels_last")
    return ops.reshape(flat, (-1, values.shape[1], *flat.shape[1:3]))


def _largest(values: Any, size: int, step: int = 1) -> Any:
    """The largest value around each cell, or of each cell of a coarser grid: [batch, n, height, width]."""
    return _pool(ops.max_pool, values, size, step, "same" if step == 1 else "valid")


def _near(found: Any) -> Any:
    """A cell is near the digit if the digit is in it or beside it: [batch, GRID, GRID]."""
    return ops.squeeze(_largest(ops.expand_dims(ops.minimum(8 * found, 1.0), 1), 3), axis=1)


def _enlarge(values: Any) -> Any:
    """Repeat each cell of a coarser grid, [batch, n, m, m] -> [batch, n, GRID, GRID]."""
    place = np.arange(GRID, dtype=np.int32) // (GRID // values.shape[2])
    return _take(_take(values, place, axis=3), place, axis=2)


def _take(values: Any, index: Any, axis: int) -> Any:
    return tf.gather(values, index, axis=axis)  # ops.take would allow for negative indices


def _is_positive(values: Any) -> Any:
    return ops.cast(values > 0, "float32")


def _min(array: Any) -> Any:
    return ops.min(array, axis=(1, 2), keepdims=True)


def _max(array: Any) -> Any:
    return ops.max(array, axis=(1, 2), keepdims=True)


def _transpose(matrix: Any) -> Any:
    return ops.transpose(matrix, (0, 2, 1))
