"""Normalize a sketch to the image that the networks see, the way MNIST itself was made.

MNIST's digits were scaled to fit 20 x 20 pixels with their aspect kept, antialiased, and placed in 28 x 28 by their
centre of mass (LeCun, Bottou, Bengio, Haffner 1998, section III A). Before that, the digit must be found. A person who
looks at a photograph sees it at once, and ignores the grain of the paper, its lines, its edge, shadows and specks.

The search runs on a grid of GRID x GRID cells that covers the sketch, so that it costs the same for every sketch, and
so that grain is averaged away. Each step has a reason:

1. Dark or light ink: strokes are narrow, so the side on which levels stray farthest from their surroundings is the ink.
   A drawing shows by its border, which is even paper; steps 2 to 5, and 7, are for photographs.
2. Paper: a morphological closing fills everything darker that is narrower than a stroke can be. What is wider is paper:
   a second tone, a shadow, a table, which goes on beyond the border. Ink is what is darker than that paper.
3. Lines that keep their darkness from one border to the other are printed ones. Only their own darkness is subtracted,
   so that strokes across them remain. A row of digits may also reach from border to border, but it has gaps.
4. What clings to the border over more than a stroke's width is the edge of the sheet or a strip of table, as far as
   half a block is dark without a gap: the next digits of a page may stand close to it.
5. Grain: what most cells still differ from the paper by is not ink.
6. Specks: ink with too little other ink around it does not count. Ink along a photograph's border is no company. For
   model/reader a crowd of digits asks for no more than a few: on a page, one may stand alone.
7. On a page in shadow or glare, some digits are fainter than others. What is as dark as elsewhere for the light that
   falls there counts, and faint ink if it goes on from stronger ink. In shadow all levels shrink with the light; in
   glare, with the headroom that is left up to white. This step is for model/reader; for a single digit it would let
   smudges in.

A light sheet on a dark table looks much like a light digit on dark paper with a hole in it, a marker's digit in a
close-up like paper between dark strokes, and a drawing with a dark strip along the border like a digit beside a 1. Such
sketches are unclear. For them model/reader looks again, and closer at a photograph in which the ink takes little of the
sheet (see look_again), and the networks choose. It also turns canvases on a page to the page's side; `Averaged` says
which sketches may be such pages. Where a drawing's paper is as even as programs make it, weak ink is a thin pen's, for
model/reader.

The image itself is taken from the pixels. Pixel i of the image covers an interval of the sketch's axis. Down the
sketch, differences of running sums integrate over it; across, row i of a small matrix holds its overlaps with the
sketch's columns. This crops, scales, antialiases and centres at once, in operators that every runtime has.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image

SIDE = 28  # pixels of the image
BOX = 20  # pixels that the longer side of the ink takes
CENTRE = 14.5  # MNIST moved the centre of mass into pixel 14, by whole pixels: on average, to the middle of it

LOOKS = 3  # at a sketch by look_again
GRID = 64  # cells along each side of the sketch
INSIDE = 1 - 2**-22  # of a side: not quite the last edge, so that every edge lies in a pixel
SURROUNDINGS = 19  # cells: the mean level of a square around each cell tells dark ink from light
CLOSE = 9  # cells: such a square in the middle of an unclear sketch
STROKE = 15  # cells: wider than most strokes of a photographed digit,
WIDE_STROKE = 31  # than wide ones,
BOLD_STROKE = 47  # and than a marker's in a close-up,
THINNED = 7  # which are wider than this, and get thinner by it, but for the cells around what is found
NARROW_STROKE = 9  # wider than most in a closer look, which shows several digits
FINE_STROKE = 5  # wider than those that are looked at closer
SLOPES = np.linspace(-0.24, 0.24, 7)  # of printed lines: one cell apart from the next at the end of a half line
PARTS = 8  # in each of which a printed line may fade
SECTION = 4  # cells of a part: as a printed line has no gaps, each section of it is dark
BLOCK = 4  # cells along each side of a block by which specks are told
EDGE_BLOCK = 2  # cells along each side of a block in which edges are followed
CONTACT = 7  # cells: strokes touch the border over less
INWARDS = 8  # blocks of an edge: no strip that is darker than its surroundings is wider
MARGIN = 2  # cells along a photograph's border, in which ink is no company
AROUND = 5  # blocks: the square around a block that must hold other ink
REACH = 4  # cells: as far faint ink goes on from strong ink
NEIGHBOURHOOD = 25  # cells: the strongest ink in a square around each cell tells how strong ink is there

GRAIN = 2.0  # times the paper's grain: less is paper
CONTRAST = 5.0  # grey levels of 255: if no ink is darker than that, the sheet is blank
EDGE_CONTRAST = 40.0  # grey levels: if there is only ink that clings to the border, less is a shadow
FAINTEST = 0.25  # of the strongest ink: less does not tell where the digit is
WEAKEST = 0.4  # of the strongest ink: as strong as that is all ink taken to be, where none around is stronger
RIM = 0.2  # of the strongest ink: less does not belong to the box that is scaled to 20 x 20
LONELY = 0.12  # of the most ink around any block: a block with less around it does not count
CROWD = 0.03  # of a square around a block: more ink is a crowd of digits, and one may stand far from them
EDGE_ONLY = 0.3  # of the darkest block: if all others than the border's are lighter, the border's are the digit
SHADE = 3.0  # times as bright as paper in shadow the brightest paper is, at most
GLARE = 2.0  # times as strong as ink in glare the same ink is elsewhere, at most
HEADROOM = 25.0  # grey levels above white at which glare would leave no contrast: white paper has some
EVEN = 0.02  # of the contrast: the paper of a drawing varies less
FLAT = 0.5  # grey levels: the paper that a program draws varies less
FULL = 0.9  # of the contrast: ink that a drawing's border cuts off is darker
CLEARLY = 0.6  # skewed: less does not surely tell dark ink from light,
CLEARLY_IN_MIDDLE = 0.35  # and in the middle, less
MUCH = 0.2  # of a drawing: more ink may be a canvas,
DENSE = 0.55  # and so may more in the box around it,
SQUARE = 0.5  # if this is as wide as high, or so much less
PAGE = 0.1  # of the contrast: the border of a page with canvases varies less
BOLD = 0.45  # of the darkest: where no square of THINNED cells is as dark, no marker's stroke is
FINE = 0.4  # of the strongest fine ink: where there is no more, there is no need to look closer
AWAY = 2.0  # cells: as far beyond fine ink a closer look shows the sheet
CLOSER = 0.8  # of the sheet: a closer look shows less
CLEAR = 0.85  # of the border: more of it is a drawing's paper or full ink

_CELLS = np.arange(GRID, dtype=np.float32) + (0.5 - GRID / 2)  # distance of the cells from the middle of the sketch
_PLACES = np.arange(GRID * GRID, dtype=np.int32).reshape(GRID, GRID)
_BORDER = np.stack([_PLACES[0], _PLACES[-1], _PLACES[:, 0], _PLACES[:, -1]])  # [4, GRID]

_OUTERMOST = np.pad(np.zeros(GRID - 2 * MARGIN, np.float32), MARGIN, constant_values=1)  # rows or columns of cells


class Separation(NamedTuple):
    """Sketches, and their ink told from their paper."""

    image: Any
    """What the networks see, float32 [batch, 28, 28]: paper 0, the strongest ink 1."""
    step: Any
    """Pixels of the sketch that a pixel of the image is wide, [batch, 1, 1]."""
    sign: Any
    """1 where ink is dark, -1 where it is light, [batch, 1, 1]: ink is where sign * level is less than the paper's."""
    paper: Any
    """The paper's sign * level, [batch, GRID, GRID]."""
    found: Any
    """Where ink is, faint ink too, 0 to 1, [batch, GRID, GRID]."""
    strength: Any
    """Of the ink around each cell, WEAKEST to 1, as a share of the strongest ink: [batch, GRID, GRID]."""
    lines: Any
    """Grey levels by which printed lines darken each cell, [batch, GRID, GRID]."""
    flat: Any
    """1 where the paper is quite even, as programs draw it: weak ink is a thin pen's. Else 0, [batch, 1, 1]."""
    unclear: Any
    """Above 0 where look_again() may find another digit: 1 in photographs in which the side of the ink is unclear, 2 in
    drawings with much ink, or with ink at their border. [batch, 1, 1]"""
    photograph: Any
    """0 for drawings, and where look_again() thins a marker's strokes, else 1. [batch, 1, 1]"""
    cells: Any
    """Mean level of each cell, [batch, GRID, GRID]."""
    level: Any
    """float32 [batch, height, width]"""
    above: Any
    """Sums of the levels above each pixel."""


def normalize(sketch: Any) -> Any:
    """Normalize sketches to the images that the networks see.

    `sketch` is uint8 [batch, height, width], 8 x 8 to 2,048 x 2,048, drawn or photographed, dark on light or light on
    dark. Returns float32 [batch, 28, 28]: paper 0, the strongest ink 1. A blank sketch gives a blank image.
    """
    return separate(sketch).image


def _apply(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def _sooner(condition: Any, function: Callable[..., Any], other: Callable[..., Any], *arguments: Any) -> Any:
    """Call what the condition asks for. A graph gets `function` alone, so that it needs no If."""
    return (other if tf.executing_eagerly() and not condition else function)(*arguments)


def separate(sketch: Any, call: Callable[..., Any] = _apply, choose: Callable[..., Any] = _sooner) -> Separation:
    """Normalize sketches, and tell their ink from their paper.

    `call(function, *arguments)` calls a function of tensors. `choose(condition, function, other, *arguments)` calls
    `function`, or may call `other` where the condition does not hold: it then gives the same sooner.
    """
    return separated(call(averaged, sketch), call, choose)


def separated(
    sketches: "Averaged", call: Callable[..., Any] = _apply, choose: Callable[..., Any] = _sooner
) -> Separation:
    """Separate as separate() does, but sketches that are averaged."""
    sheets, cells, drawn, are_photographed, _ = sketches
    ground = choose(are_photographed, _photographs, _drawings, cells, drawn)
    return call(_separated, sheets, cells, ground)


def look_again(separation: Separation) -> Separation:
    """Separate sketches again, three times, and as photographs, even if they are drawn: [3 * batch, ...].

    The first third has the ink on the other side. The second takes for strokes what is twice as wide, or three times
    in photographs with dark strokes as wide as a marker's in a close-up, of which only the middle remains, so that the
    networks see them as thin as they know them. Both are for unclear sketches. The first is clear if the sketch's
    middle, where only the sheet is, has the ink on its side, and the second if it is where `separation` has it. The
    last third looks closer at photographs in which fine ink is on a part of the sheet: the grid covers only this part.
    Where a look is for other sketches, it finds nothing.
    """
    sheets = _sheets_of(separation.level, separation.above)
    before, is_unclear, photograph, cells = (
        ops.expand_dims(each, 1)
        for each in (separation.sign, separation.unclear, separation.photograph, separation.cells)
    )
    is_unclear = _exceeds(is_unclear, 0.0)
    none = 0 * before
    start, side = _window(cells)
    closer = _cells_in(sheets, start, side)
    border = _take(ops.reshape(cells, (-1, 1, GRID * GRID)), _BORDER, axis=2)
    inner, border = (ops.mean(each, axis=(2, 3), keepdims=True) for each in (cells, border))
    blank = _closed(cells, BOLD_STROKE)
    dark = blank - cells
    is_bold = photograph * _exceeds(border, inner) * _exceeds(_max(_least(dark, THINNED)), BOLD * _max(dark))
    wide = before + is_bold * (1 - before)
    sign = ops.concatenate([-before, wide, _sign_of_ink(_skew(closer, SURROUNDINGS, times=1))], axis=0)
    signed = sign * ops.concatenate([cells, cells, closer], axis=0)
    strokes = STROKE, WIDE_STROKE, NARROW_STROKE
    filled = [_closed(look, stroke) for look, stroke in zip(ops.split(signed, LOOKS), strokes, strict=True)]
    filled[1] += is_bold * (blank - filled[1])
    middle = np.arange(GRID // 4, GRID - GRID // 4, dtype=np.int32)
    skew = _skew(_take(_take(cells, middle, axis=2), middle, axis=3), CLOSE, times=2)
    skew = ops.concatenate([-before * skew, before * skew, skew], axis=0)
    is_small = _exceeds(CLOSER * GRID * GRID, ops.prod(side, axis=1, keepdims=True))
    shown = ops.concatenate([is_unclear, is_unclear, photograph * is_small], axis=0)
    unclear = ops.maximum(_exceeds(skew, -CLEARLY_IN_MIDDLE), 1 - shown)
    is_marker = ops.concatenate([none, is_bold, none], axis=0)
    ground = _photographed(signed, ops.concatenate(filled, axis=0), sign, 1 - is_marker, unclear)
    digit, found = (_thinned(plane, is_marker) for plane in (ground.digit, ground.found))
    ground = _Ground(*ground[:3], digit, found, *ground[5:])
    whole = 0 * start, 0 * side + GRID
    start, side = (ops.concatenate([all_, all_, part], axis=0) for all_, part in zip(whole, (start, side), strict=True))
    sheets = _Sheets(sheets.level, sheets.above, sheets.row, ops.concatenate([sheets.column] * LOOKS, axis=0))
    cells = ops.concatenate([cells] * LOOKS, axis=0)
    return _separated(sheets, cells, _laid_out(ground, shown, start, side), LOOKS)


def _window(cells: Any) -> tuple[Any, Any]:
    """The part of each sheet with fine ink, dark or light: its first row and column of cells, and how many it has.

    Both are [batch, 2, 1, 1].
    """
    both = ops.concatenate([cells, -cells], axis=1)
    fine = ops.max(_closed(both, FINE_STROKE) - both, axis=1, keepdims=True)
    is_fine = _exceeds(fine, FINE * _max(fine))
    lines = ops.concatenate([ops.max(is_fine, axis=3), ops.max(is_fine, axis=2)], axis=1)  # [batch, 2, GRID]
    number = np.arange(GRID, dtype=np.float32)
    first = GRID - ops.max(lines * (GRID - number), axis=2)
    last = ops.max(lines * (number + 1), axis=2)
    start = ops.maximum(first - AWAY, 0.0)
    side = ops.maximum(ops.minimum(last + AWAY, float(GRID)) - start, 1.0)
    return tuple(ops.reshape(each, (-1, 2, 1, 1)) for each in (start, side))


def _cells_in(sheets: "_Sheets", start: Any, side: Any) -> Any:
    """Mean level of each cell of a grid that covers a part of each sheet, [batch, 1, GRID, GRID].

    The part begins at row and column `start` of the grid that covers the sheet, and has `side` rows and columns of it.
    """
    level, above, row, column = sheets
    height, width = _sides(row, column)
    top, left, high, wide = (_take(each, axis, axis=1) for each in (start, side / GRID) for axis in (0, 1))
    edges = (top + high * np.arange(GRID + 1, dtype=np.float32)[:, None]) * (height / GRID)
    bands = _differences(_integrals_of_each(above, level, ops.minimum(edges, height * INSIDE)))
    pixel = width / GRID
    middles = (left + wide * (np.arange(GRID, dtype=np.float32)[:, None] + 0.5)) * pixel
    columns = _overlap(column - 0.5 - middles, wide * pixel, 1.0)  # [batch, GRID, width]
    sums = ops.matmul(bands, _transpose(columns))
    return ops.expand_dims(sums / (high * wide * (height * width / (GRID * GRID))), 1)


def _laid_out(ground: "_Ground", shown: Any, start: Any, side: Any) -> "_Ground":
    """Move the ground from a grid that covers a part of each sheet to the one that covers all of it.

    `start` and `side` tell the part, as in _cells_in(). Where `shown` is 0, no ink is found.
    """
    planes = ground.paper, ground.ink, ground.digit * shown, ground.found * shown, ground.strength, ground.lines
    number = np.arange(GRID, dtype=np.float32) + 0.5
    step = side / GRID
    shares = _overlap(number[:, None] - start - step * number, step, 1.0)  # [batch, 2, GRID, GRID]
    shares = shares / ops.maximum(ops.sum(shares, axis=3, keepdims=True), 1e-6)
    rows, columns = (_take(shares, [axis], axis=1) for axis in (0, 1))
    columns = ops.transpose(columns, (0, 1, 3, 2))
    paper, ink, digit, found, strength, lines = ops.split(
        ops.matmul(rows, ops.matmul(ops.concatenate(planes, axis=1), columns)), len(planes), axis=1
    )
    return _Ground(
        ground.sign, paper, ink, digit, found, strength, lines, ground.flat, ground.unclear, ground.photograph
    )


class _Sheets(NamedTuple):
    level: Any
    above: Any
    row: Any
    """1, 2, 3 ... down the sketch, [batch, height, 1]."""
    column: Any
    """1, 2, 3 ... across it, [batch, 1, width]."""


class Averaged(NamedTuple):
    """Sketches, averaged onto the grid."""

    sheets: _Sheets
    cells: Any
    """Mean level of each cell, [batch, 1, GRID, GRID]."""
    drawn: Any
    """1 for a drawing in dark ink, and 1 for one in light ink, [batch, 2, 1, 1]."""
    are_photographed: Any
    """Whether any of them is a photograph."""
    pages: Any
    """1 for what may be a page with canvases, [batch, 1, 1, 1]."""


class _Ground(NamedTuple):
    """Ink and what it lies on, [batch, 1, GRID, GRID] or [batch, 1, 1, 1] each."""

    sign: Any
    paper: Any
    """Its level, less the grain's."""
    ink: Any
    """The grey levels of the ink."""
    digit: Any
    """Where the digit is, 0 to 1."""
    found: Any
    """Where ink is for model/reader, 0 to 1."""
    strength: Any
    """Of the ink around each cell, as a share of the strongest."""
    lines: Any
    """Grey levels by which printed lines darken each cell."""
    flat: Any
    """1 for drawings on paper that is quite even."""
    unclear: Any
    """Above 0 where another look may find another digit."""
    photograph: Any
    """0 for drawings, else 1."""


def averaged(sketch: Any) -> Averaged:
    """Average sketches [batch, height, width] onto the grid, and tell which are drawn."""
    level = ops.cast(sketch, "float32")
    sheets = _sheets_of(level, tf.cumsum(level, axis=1, exclusive=True))
    _, above, row, column = sheets
    height, width = _sides(row, column)
    edges = np.linspace(0, INSIDE, GRID + 1, dtype=np.float32)
    bands = _transpose(_differences(_integrals(above, level, edges * height)))  # [batch, width, GRID]
    before = tf.cumsum(bands, axis=1, exclusive=True)
    cells = _transpose(_differences(_integrals(before, bands, edges * width))) * (GRID * GRID / (height * width))
    cells = ops.expand_dims(cells, 1)
    sides = _sides_of(cells)
    drawn = _drawn_signs(sides)
    are_photographed = ops.min(ops.sum(drawn, axis=1)) < 0.5
    return Averaged(sheets, cells, drawn, are_photographed, _may_hold_canvases(sides))


def _sheets_of(level: Any, above: Any) -> _Sheets:
    return _Sheets(level, above, _count(level, axis=1), _count(level, axis=2))


def _sides(row: Any, column: Any) -> tuple[Any, Any]:
    return ops.max(row, axis=(0, 1)), ops.max(column, axis=(0, 2))  # height and width, [1] each


def _separated(sheets: _Sheets, cells: Any, ground: _Ground, looks: int = 1) -> Separation:
    """Separate sketches whose ground is known, at so many looks: [looks * batch, ...]."""
    level, above, row, column = sheets
    height, width = _sides(row, column)
    cell = ops.reshape(ops.concatenate([height, width], axis=0) / GRID, (2, 1, 1))
    near = _near(ground.digit)
    ink = ground.ink * near
    beside = ops.maximum(_largest(ink, 3), 1e-3)
    cover = ops.clip(beside * (4 / RIM / _max(beside)) - 3, 0.0, 1.0) * (ink / beside)
    step = ops.max(_extents(cover) * cell, axis=1, keepdims=True)
    step = ops.maximum(step * (1 / BOX), 0.1 / BOX)  # [batch, 1, 1, 1]
    centre = _centre(ink) * cell  # [batch, 2, 1, 1], pixels from the middle of the sketch

    overlaps = _overlaps(_CELLS * cell - centre, step, cell)  # [batch, 2, 28, GRID]
    rows, columns = (_take(overlaps, axis, axis=1) for axis in (0, 1))
    columns = _transpose(columns)
    near, papers = (ops.matmul(rows, ops.matmul(ops.squeeze(plane, 1), columns)) for plane in (near, ground.paper))
    step = ops.squeeze(step, 1)
    y, x = (_take(centre, axis, axis=1) for axis in (0, 1))  # [batch, 1, 1]
    edges = (np.arange(SIDE + 1, dtype=np.float32)[:, None] - CENTRE) * step + (y + height / 2)
    edges = ops.maximum(ops.minimum(edges, height * INSIDE), 0.0)
    levels = _differences(_integrals_of_each(above, level, edges, looks))
    columns = _transpose(_overlaps(column - ((width + 1) / 2 + x), step, 1.0))  # [batch, width, 28]
    sign, paper, _, _, found, strength, lines, flat, unclear, photograph = (ops.squeeze(plane, 1) for plane in ground)
    image = ops.relu(papers - ops.matmul(levels, columns) * sign) * ops.minimum(near * (4 / (step * step)), 1.0)
    image = image / ops.maximum(ops.max(image, axis=(1, 2), keepdims=True), 1e-6)
    cells = ops.squeeze(cells, 1)
    return Separation(image, step, sign, paper, found, strength, lines, flat, unclear, photograph, cells, level, above)


def normalize_all(sketches: Iterator[Image.Image], count: int, batch_size: int = 200) -> np.ndarray:
    """Normalize `count` sketches of one size in batches: uint8 [count, 28, 28], ink 255 on paper 0."""
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for start in range(0, count, batch_size):
        batch = np.stack([np.asarray(next(sketches)) for _ in range(min(batch_size, count - start))])
        images[start : start + len(batch)] = np.rint(normalize(batch) * 255)
    return images


def _count(level: Any, axis: int) -> Any:
    """Count along `axis` of [batch, height, width], which is [batch, height, 1] or [batch, 1, width]: 1, 2, 3 ...

    Neither Shape nor Range is needed, which tract refuses.
    """
    return ops.cumsum(ops.clip(_take(level, [0], axis=3 - axis), 1.0, 1.0), axis=axis)


def _integrals(sums: Any, level: Any, edges: Any) -> Any:
    """Integrate [batch, length, m] along the second axis, from 0 to each of `edges` [n], below length: [batch, n, m].

    `sums` [batch, length, m] are those of all `level` before. The sums of whole levels are exact in float32.
    """
    index = ops.cast(edges, "int32")
    beyond = ops.expand_dims(edges - ops.cast(index, "float32"), 1)
    return _take(sums, index, axis=1) + beyond * _take(level, index, axis=1)


def _integrals_of_each(sums: Any, level: Any, edges: Any, looks: int = 1) -> Any:
    """Integrate as `_integrals` does, to other edges in each look at each sketch: `edges` is [looks * batch, n, 1]."""
    index = ops.cast(edges, "int64")
    beyond = edges - ops.cast(index, "float32")
    number = tf.cumsum(ops.clip(edges if looks == 1 else ops.split(edges, looks)[0], 1.0, 1.0), axis=0, exclusive=True)
    number = ops.concatenate([number] * looks, axis=0)  # of the sketch
    place = ops.concatenate([ops.cast(number, "int64"), index], axis=2)
    return tf.gather_nd(sums, place) + beyond * tf.gather_nd(level, place)


def _differences(integrals: Any) -> Any:
    """The integral between each two edges: [batch, n + 1, m] -> [batch, n, m]."""
    index = np.arange(integrals.shape[1], dtype=np.int32)
    return _take(integrals, index[1:], axis=1) - _take(integrals, index[:-1], axis=1)


class _Sides(NamedTuple):
    """How sketches look if ink is dark, and if it is light."""

    beneath: Any
    """Grey levels from each cell to the lightest or the darkest, [batch, 2, GRID, GRID]."""
    border: Any
    """The same along the borders, [batch, 2, 4, GRID]."""
    contrast: Any
    """The most, [batch, 2, 1, 1]."""
    mean: Any
    """[batch, 2, 1, 1]"""


def _sides_of(cells: Any) -> _Sides:
    both = ops.concatenate([cells, -cells], axis=1)  # ink is dark in one of the two
    beneath = _max(both) - both
    border = _take(ops.reshape(beneath, (-1, 2, GRID * GRID)), _BORDER, axis=2)
    return _Sides(beneath, border, _max(beneath), ops.mean(beneath, axis=(2, 3), keepdims=True))


def _drawn_signs(sides: _Sides) -> Any:
    """1 for a drawing in dark ink, and 1 for one in light ink, [batch, 2, 1, 1]: both are 0 for a photograph.

    A drawing's paper has one level, that of most of the border. Either the rest of the border is full ink, and ink
    fills less than half of the sheet, or the drawing is cropped to its ink and touches all four sides.
    """
    _, border, contrast, mean = sides
    even = ops.mean(_exceeds(EVEN * contrast, border), axis=(2, 3), keepdims=True)
    full = ops.mean(_exceeds(border, FULL * contrast), axis=(2, 3), keepdims=True)
    half = 0.5 * contrast
    within = ops.minimum(even + full - CLEAR, half - mean)
    cropped = ops.min(ops.max(border, axis=3, keepdims=True), axis=2, keepdims=True) - half
    return _exceeds(ops.minimum(even - 0.5, ops.maximum(within, cropped)), 0.0)


def _may_hold_canvases(sides: _Sides) -> Any:
    """1 for what may be a page with canvases, [batch, 1, 1, 1].

    Its border is even. It holds much that is not page, or fills the box around this, which is almost a square.
    """
    beneath, border, contrast, mean = sides
    even = ops.mean(_exceeds(PAGE * contrast, border), axis=(2, 3), keepdims=True) - CLEAR
    half = 0.5 * contrast
    high, wide = (
        ops.mean(_exceeds(ops.max(beneath, axis=axis, keepdims=True), half), axis=(2, 3), keepdims=True)
        for axis in (3, 2)
    )
    is_square = ops.minimum(high, wide) - SQUARE * ops.maximum(high, wide)
    filled = ops.maximum(mean - MUCH * contrast, ops.minimum(mean - DENSE * high * wide * contrast, is_square))
    return ops.max(_exceeds(ops.minimum(even, filled), 0.0), axis=1, keepdims=True)


def _sign_of(drawn: Any) -> Any:
    return ops.sum(drawn * np.array([1, -1], np.float32)[:, None, None], axis=1, keepdims=True)


def _drawings(cells: Any, drawn: Any) -> _Ground:
    """The ground of drawings: a drawing has one paper, and no lines, edges or grain."""
    sign = _sign_of(drawn)
    cells = sign * cells
    paper = _max(cells)
    none = paper * 0
    flat = _is_flat(cells)
    digit, found, ink = _find(paper - cells, none, none + CONTRAST, none, flat)
    strength = _strength_of_pen(ink, flat, digit * 0 + 1)
    return _Ground(sign, paper + cells * 0, ink, digit, found, strength, digit * 0, flat, _is_odd(cells), none)


def _photographs(cells: Any, drawn: Any) -> _Ground:
    """The ground of photographs, and of drawings among them.

    In a photograph, ink is on the side on which levels stray farthest from their surroundings.
    """
    photograph = 1 - ops.sum(drawn, axis=1, keepdims=True)
    drawn_sign = _sign_of(drawn)
    skew = _skew(cells, SURROUNDINGS, times=1)
    sign = drawn_sign + photograph * _sign_of_ink(skew)
    is_unclear = _exceeds(CLEARLY, ops.abs(skew))
    unclear = photograph * is_unclear + (1 - photograph) * _is_odd(sign * cells)
    cells = sign * cells
    paper = ops.maximum(_closed(cells, STROKE), _max(cells) - 255 * 2 * photograph)
    return _photographed(cells, paper, sign, photograph, unclear)


def _skew(cells: Any, size: int, times: int) -> Any:
    """How much farther levels stray upwards than downwards from their surroundings, -1 to 1, [batch, 1, 1, 1].

    The surroundings are the mean of a square of `size` cells, taken so many times.
    """
    index = np.clip(np.arange(cells.shape[2] + size - 1) - size // 2, 0, cells.shape[2] - 1).astype(np.int32)
    around = cells
    for _ in range(2 * times):
        around = _pool(ops.average_pool, _take(around, index, axis=2), (size, 1), 1, "valid")
        around = ops.transpose(around, (0, 1, 3, 2))
    away = cells - around
    cubes = away * away * away
    skew, most = (ops.sum(values, axis=(2, 3), keepdims=True) for values in (cubes, ops.abs(cubes)))
    return skew / ops.maximum(most, 1e-6)


def _sign_of_ink(skew: Any) -> Any:
    """1 where ink is dark, -1 where it is light."""
    return 1 - 2 * _exceeds(skew, 0.0)


def _is_odd(cells: Any) -> Any:
    """2 for a drawing in dark ink that holds much of it, or touches a border but not all four: [batch, 1, 1, 1]."""
    beneath = _max(cells) - cells
    much = ops.mean(beneath, axis=(2, 3), keepdims=True) - MUCH * _max(beneath)
    border = _take(ops.reshape(beneath, (-1, 1, GRID * GRID)), _BORDER, axis=2)  # [batch, 1, 4, GRID]
    touched = _exceeds(ops.max(border, axis=3, keepdims=True), 0.5 * _max(beneath))
    odd = ops.max(touched, axis=2, keepdims=True) - ops.min(touched, axis=2, keepdims=True)
    return 2 * ops.maximum(odd, _exceeds(much, 0.0))


def _photographed(cells: Any, paper: Any, sign: Any, photograph: Any, unclear: Any) -> _Ground:
    """The ground where ink is darker than `paper`. `photograph` is 1 where there may be lines, edges and grain."""
    dark = paper - cells

    lines = _lines(dark) * photograph
    dark = ops.relu(dark - lines)
    grain = ops.mean(ops.sqrt(ops.sqrt(dark)), axis=(2, 3), keepdims=True)  # a few strong strokes hardly raise it
    grain = ops.square(ops.square(grain)) * (GRAIN * photograph)
    edge, limit = _clinging(dark)
    edge = edge * photograph
    is_inner = _exceeds(_max(limit - edge), EDGE_ONLY * _max(limit))
    dark = ops.relu(dark - _enlarge(edge * is_inner, EDGE_BLOCK))
    contrast = EDGE_CONTRAST - (EDGE_CONTRAST - CONTRAST) * is_inner
    splinters = photograph * is_inner
    flat = _is_flat(cells) * (1 - photograph)
    digit, _, ink = _find(dark, grain, contrast, splinters, flat)
    shade = ops.clip(_max(paper) / ops.maximum(paper, 1.0), 1.0, SHADE)  # 1 if ink is light: its paper is below 0
    headroom = 255 + HEADROOM - ops.relu(paper)
    glare = ops.clip(ops.mean(headroom, axis=(2, 3), keepdims=True) / headroom, 1.0, GLARE)
    _, found, lit = _find(dark * shade * glare, grain, contrast, splinters, flat)
    found, strength = _with_faint_ink(found, lit, ink, splinters)
    strength = _strength_of_pen(ink, flat, strength)
    return _Ground(sign, paper - grain, ink, digit, found, strength, lines, flat, unclear, photograph)


def _find(dark: Any, grain: Any, least: Any, splinters: Any, flat: Any) -> tuple[Any, Any, Any]:
    """Find ink: where a single digit is, where any digits are, 0 to 1, and all grey levels of ink.

    They are [batch, 1, GRID, GRID] each. `dark` differs from the paper. If no ink is darker than `least`, the sheet is
    blank. Where `splinters` is 1, ink along the border is no company for other ink. Where `flat` is 1, weak ink may be
    a thin pen's.
    """
    ink = ops.relu(dark - grain)
    strongest = _max(ink)
    has_ink = _exceeds(strongest, ops.maximum(2 * grain, least - grain))
    share = ink / ops.maximum(strongest, 1e-3)
    digit = ops.clip(share * (1 / FAINTEST) - 1, 0.0, 1.0)
    of_pen = ops.clip(share / (FAINTEST - (1 - WEAKEST) * FAINTEST * flat) - 1, 0.0, 1.0)
    company = ops.minimum(share, 0.5) * digit
    for outermost in (_OUTERMOST, _OUTERMOST[:, None]):
        company = company * (1 - splinters * outermost)  # where a shadow's edge ends, a splinter is left
    blocks = _pool(ops.average_pool, company, BLOCK, BLOCK, "valid")
    margin = (AROUND // 2, AROUND // 2)
    around = _pool(ops.average_pool, ops.pad(blocks, ((0, 0), (0, 0), margin, margin)), AROUND, 1, "valid")
    most = ops.maximum(_max(around), 1e-6)
    sociable, of_several = (
        found * _enlarge(ops.clip(around * (6 / LONELY / limit) - 6, 0.0, 1.0) * has_ink, BLOCK)
        for found, limit in ((digit, most), (of_pen, ops.minimum(most, CROWD)))
    )
    return sociable, of_several, ink


def _with_faint_ink(digit: Any, lit: Any, ink: Any, photograph: Any) -> tuple[Any, Any]:
    """Add the faint ink that goes on from a digit's. Returns where ink is, and how strong it is around each cell.

    `digit` and `lit` are where the digit is and all ink in even light, `ink` as it is. In a photograph ink is taken to
    be WEAKEST of the strongest where no ink around is stronger; in a drawing all ink is as strong, and none is added.
    """
    share = lit / ops.maximum(_max(lit), 1e-3)
    limit = digit + photograph * ops.relu(ops.clip(share * (1 / FAINTEST / WEAKEST) - 1, 0.0, 1.0) - digit)
    found = digit
    for _ in range(REACH):
        found = ops.minimum(_largest(found, 3), limit)
    share = ink / ops.maximum(_max(ink), 1e-3)
    strength = ops.maximum(_largest(share * found, (NEIGHBOURHOOD, NEIGHBOURHOOD)), WEAKEST)
    return found, 1 - photograph * (1 - strength)


def _is_flat(cells: Any) -> Any:
    """1 if most of the border of a sheet with dark ink is paper that is quite even: [batch, 1, 1, 1]."""
    border = _take(ops.reshape(_max(cells) - cells, (-1, 1, GRID * GRID)), _BORDER, axis=2)
    return _exceeds(ops.mean(_exceeds(FLAT, border), axis=(2, 3), keepdims=True), CLEAR)


def _strength_of_pen(ink: Any, flat: Any, strength: Any) -> Any:
    """The `strength`, but in a flat drawing that of the ink just around each cell: a thin pen fills no cell."""
    of_pen = ops.maximum(_largest(ink, 3) / ops.maximum(_max(ink), 1e-3), WEAKEST)
    return strength + flat * (of_pen - strength)


def _line_weights() -> np.ndarray:
    """Which column each line crosses in each part, from that in the middle: [1, columns, PARTS, slopes]."""
    middles = (np.arange(PARTS) + 0.5) * (GRID // PARTS) - GRID / 2
    shift = np.rint(SLOPES * middles[:, None]).astype(int)
    columns = np.arange(-shift.max(), shift.max() + 1)
    return (shift == columns[:, None, None])[None].astype(np.float32)


_LINES = _line_weights()


def _lines(dark: Any) -> Any:
    """The darkness that straight lines keep from one border to the other, through each cell: [batch, 1, GRID, GRID].

    A line from top to bottom is as dark as its weakest section. It may be a cell off, and slope by SLOPES. The means of
    fourth powers stand for the least and the most, so that two convolutions find all lines.
    """
    both = ops.concatenate([ops.transpose(dark, (0, 1, 3, 2)), dark], axis=1)
    sections = _pool(ops.average_pool, _largest(both, (1, 3)), (SECTION, 1), (SECTION, 1), "valid")
    weak = ops.square(ops.square(0.5 / (sections + 0.5)))  # at most 1
    weak = ops.mean(ops.reshape(weak, (-1, PARTS, GRID // PARTS // SECTION, GRID)), axis=2, keepdims=True)
    weak = ops.transpose(weak, (0, 2, 3, 1))  # the parts are channels
    held = PARTS / ops.conv(weak, _LINES, padding="same", data_format="channels_last")
    lines = ops.conv(held, _LINES[:, ::-1].transpose(0, 1, 3, 2), padding="same", data_format="channels_last")
    lines = ops.reshape(ops.transpose(lines, (0, 3, 1, 2)), (-1, 2, PARTS, GRID))
    lines = ops.sqrt(ops.sqrt(lines)) * 0.5 - 0.5
    lines = _take(lines, np.repeat(np.arange(PARTS, dtype=np.int32), GRID // PARTS), axis=2)
    along, down = (_take(lines, [place], axis=1) for place in (0, 1))
    return ops.maximum(ops.transpose(along, (0, 1, 3, 2)), down)


def _clinging(dark: Any) -> tuple[Any, Any]:
    """The darkness that clings to the border over more than a stroke's width, as far as it reaches inwards.

    That is a morphological reconstruction from the border, on blocks. Returns it and the most that it could be, each
    [batch, 1, n, n].
    """
    ends = np.zeros((GRID, 1), np.float32)
    ends[[0, -1]] = 1
    across, down = (-_largest(-dark, window) for window in ((1, CONTACT), (CONTACT, 1)))  # the least in each
    reached = _largest(ops.maximum(across * ends, down * ends.T), EDGE_BLOCK, EDGE_BLOCK)
    limit = _largest(dark, EDGE_BLOCK, EDGE_BLOCK)
    for _ in range(INWARDS):
        reached = ops.minimum(_largest(reached, 3), limit)
    return reached, limit


def _extents(cover: Any) -> Any:
    """Find the height and the width of the box around ink, [batch, 2, 1, 1], in cells.

    `cover` [batch, 1, GRID, GRID] tells how much of a cell is covered. What covers half of a cell adds half a cell.
    """
    lines = ops.stack([ops.max(cover, axis=3), ops.max(cover, axis=2)], axis=2)  # [batch, 1, 2, GRID]
    margin = (GRID - 1, GRID - 1)  # so that a window holds all cells up to one, or from one on
    most = _pool(ops.max_pool, ops.pad(lines, ((0, 0), (0, 0), (0, 0), margin)), (1, GRID), 1, "valid")
    return ops.reshape(ops.sum(most, axis=3) - (GRID - 1), (-1, 2, 1, 1))


def _centre(ink: Any) -> Any:
    """Centre of mass of `ink` [batch, 1, GRID, GRID]: y and x, [batch, 2, 1, 1], in cells from the middle.

    Small numbers keep float32 exact.
    """
    mass = ops.concatenate([ops.sum(ink, axis=3), ops.sum(ink, axis=2)], axis=1)  # [batch, 2, GRID]
    moment, mass = (ops.sum(values, axis=2, keepdims=True) for values in (mass * _CELLS, mass))
    return ops.expand_dims(moment / ops.maximum(mass, 1e-6), 3)


def _overlaps(position: Any, step: Any, length: Any) -> Any:
    """Overlap of each image pixel, `step` long, with each of n intervals of `length`: [..., 28, n].

    `position` is the distance of the intervals' middles from the centre of mass. Two intervals overlap by half the sum
    of their lengths minus the distance of their middles; at least by 0, at most by the shorter length.
    """
    middle = step * (np.arange(SIDE, dtype=np.float32)[:, None] + 0.5 - CENTRE)
    return _overlap(position - middle, step, length)


def _overlap(distance: Any, length: Any, other: Any) -> Any:
    """Overlap of intervals of two lengths whose middles have a distance."""
    return ops.minimum(ops.relu((length + other) / 2 - ops.abs(distance)), ops.minimum(length, other))


def _pool(pool: Any, values: Any, size: Any, step: Any, padding: str) -> Any:
    """Pool [batch, n, height, width], each of the n by itself."""
    flat = pool(ops.reshape(values, (-1, *values.shape[2:], 1)), size, step, padding, data_format="channels_last")
    return ops.reshape(flat, (-1, values.shape[1], *flat.shape[1:3]))


def _largest(values: Any, size: int | tuple[int, int], step: int = 1) -> Any:
    """The largest value around each cell, or of each cell of a coarser grid: [batch, n, height, width].

    A tuple is pooled along one axis after the other. onnx.reference cannot pad such windows, so that Pad does it.
    """
    if isinstance(size, int):
        return _pool(ops.max_pool, values, size, step, "same" if step == 1 else "valid")
    margins = [(side // 2, side // 2) for side in size]
    values = ops.pad(values, [(0, 0), (0, 0), *margins], constant_values=-255.0)
    for window in [(size[0], 1), (1, size[1])]:
        if window != (1, 1):
            values = _pool(ops.max_pool, values, window, 1, "valid")
    return values


def _closed(cells: Any, stroke: int) -> Any:
    """Fill what is darker and narrower than `stroke`: a closing. Beyond the border all goes on as it is there."""
    index = np.clip(np.arange(GRID + 2 * (stroke - 1)) - stroke + 1, 0, GRID - 1).astype(np.int32)
    cells = _take(_take(cells, index, axis=2), index, axis=3)
    for sign in (1, -1):
        for window in [(stroke, 1), (1, stroke)]:
            cells = sign * _pool(ops.max_pool, sign * cells, window, 1, "valid")
    return cells


def _thinned(found: Any, share: Any) -> Any:
    """Thin strokes where `share` is 1: what is found there is full ink, and has only full ink around it."""
    return found + share * (ops.relu(4 * _least(found, THINNED) - 3) - found)


def _least(values: Any, size: int) -> Any:
    """The least value around each cell: [batch, n, height, width]."""
    return -_largest(-values, (size, size))


def _near(found: Any) -> Any:
    """A cell is near the digit if the digit is in it or beside it: [batch, 1, GRID, GRID]."""
    return _largest(ops.minimum(8 * found, 1.0), 3)


def _enlarge(blocks: Any, side: int) -> Any:
    """Repeat the value of each block in its `side` x `side` cells: [batch, 1, n, n] -> [batch, 1, GRID, GRID]."""
    place = np.arange(GRID, dtype=np.int32) // side
    return _take(_take(blocks, place, axis=3), place, axis=2)


def _take(values: Any, index: Any, axis: int) -> Any:
    return tf.gather(values, index, axis=axis)  # ops.take would allow for negative indices


def _exceeds(values: Any, limit: Any) -> Any:
    """1 where `values` exceed `limit`, and 0 elsewhere."""
    return ops.cast(values > limit, "float32")


def _max(planes: Any) -> Any:
    return ops.max(planes, axis=(2, 3), keepdims=True)


def _transpose(matrix: Any) -> Any:
    return ops.transpose(matrix, (0, 2, 1))
