"""What model/reader/cuts.py does to cut digits which touch, in operators of ONNX, for all groups at once.

Shapes in comments: U groups to cut, C columns of the widest group's grid, N candidates for seams, M seams and ends of
the group that has the most, S spans.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from export.reader.tensors import FAR, Tensor, first_of, indices
from model.normalize import BOX, CENTRE, SIDE
from model.reader import cuts
from model.reader.cuts import ROWS

_ROW = np.arange(ROWS, dtype=np.int32)


class Networks(NamedTuple):
    """Both networks: from images [n, 28, 28] to probabilities [n, 10]."""

    lenet5: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]
    """Also gives what the layers MAPS make of the images."""
    ffnn: Callable[[Tensor], Tensor]


class Spans(NamedTuple):
    """Spans between two seams, in rows and columns of their group's grid, [S] each."""

    group: Tensor
    start: Tensor
    """The seam on the left: 0 is the left end, 1 the first seam."""
    end: Tensor
    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    y: Tensor
    x: Tensor
    costs: Tensor
    left_seam: Tensor
    """Number of the seam on the left among those of all groups."""
    right_seam: Tensor

    def gather(self, index: Tensor) -> "Spans":
        """Some of the spans."""
        return Spans(*(tf.gather(values, index) for values in self))


class Digits(NamedTuple):
    """The digits into which the groups are cut, one after another."""

    spans: Spans
    images: Tensor
    answers: Tensor
    """Probabilities, LeNet5's and FFNN's, [digits, 2, 10]."""
    goodness: Tensor
    """How likely each is a digit."""
    maps: dict[str, Tensor]


class Seams(NamedTuple):
    """Seams of each group, and its ends, from the left."""

    bounds: Tensor
    """The column in each row at which the ink on the right begins, [U, M, ROWS]."""
    costs: Tensor
    """[U, M]"""
    goal: Tensor
    """The number of the right end, [U]."""


def digits_of(ink: Tensor, filled: Tensor, seams: Seams, line_height: Tensor, networks: Networks) -> Digits:
    """Read ink on grids [U, ROWS, C], of groups in lines of `line_height` [U] rows, as rows of digits."""
    spans, sums = _spans(ink, filled, seams, line_height)
    images = _images(spans, ink, sums)
    answers = networks.ffnn(images)
    count, side = tf.shape(seams.costs)[0], tf.shape(seams.costs)[1]
    place = (spans.group * side + spans.start) * side + spans.end

    def steps(place: Tensor, goodness: Tensor) -> Tensor:
        """How good the spans are as steps from one seam to another, -FAR where there is none: [U, M, M]."""
        empty = tf.fill([count * side * side], -FAR)
        return tf.reshape(tf.tensor_scatter_nd_update(empty, place[:, None], goodness), [count, side, side])

    ways = steps(place, _goodness(spans, line_height, tf.stack([answers, answers], axis=1)))
    into = tf.concat([tf.transpose(ways, (0, 2, 1)), ways], axis=0)
    best = _best(into, tf.concat([tf.zeros_like(seams.goal), seams.goal], axis=0))
    through = best[:count, :, None] + ways + best[count:, None]
    found, index = tf.math.top_k(tf.reshape(through, [count, -1]), tf.minimum(cuts.KEPT, side * side))
    (kept,) = indices(tf.reshape(found, [-1]) > -FAR / 2)
    place_kept = tf.gather(tf.reshape(index + tf.range(count)[:, None] * side * side, [-1]), kept)
    numbers = tf.tensor_scatter_nd_update(tf.zeros([count * side * side], tf.int32), place[:, None], _numbered(place))
    kept = tf.gather(numbers, place_kept)

    spans, images = spans.gather(kept), tf.gather(images, kept)
    lenet5, maps = networks.lenet5(images)
    answers = tf.stack([lenet5, tf.gather(answers, kept)], axis=1)
    goodness = _goodness(spans, line_height, answers)
    into = tf.transpose(steps(place_kept, goodness), (0, 2, 1))
    best = _best(into, tf.zeros_like(seams.goal))
    chosen = _on_the_way(spans, into, best, seams.goal)
    maps = {layer: tf.gather(values, chosen) for layer, values in maps.items()}
    images, answers, goodness = (tf.gather(values, chosen) for values in (images, answers, goodness))
    return Digits(spans.gather(chosen), images, answers, goodness, maps)


def _numbered(values: Tensor) -> Tensor:
    return tf.range(tf.size(values))


def seams_of(filled: Tensor, breadth: Tensor) -> Seams:
    """Find the cheapest seams through each block of cells of grids [U, ROWS, C], of which groups take `breadth` [U]."""
    count, columns = tf.shape(filled)[0], tf.shape(filled)[2]
    group, cost, row, column, beside = _crossings(filled, breadth)
    path = _followed(row, column, tf.stack([group, group + count]) * columns, beside)  # [N, ROWS]

    # Of seams that are nearly the same the cheapest counts
    def before(values: Tensor, cost: Tensor) -> Tensor:
        """Whether the seam of the column comes before the seam of the row, in the order of values, or else of costs."""
        mine, its = values[:, None], cost[:, None]
        number = _numbered(cost)
        is_cheaper = (cost < its) | ((cost == its) & (number < number[:, None]))
        return (values < mine) | ((values == mine) & is_cheaper)

    middle = tf.reduce_sum(path, axis=1)
    near = cuts.NEAR * ROWS
    may_be_near = (group == group[:, None]) & before(cost, cost)
    may_be_near &= tf.cast(tf.abs(middle - middle[:, None]), tf.float32) < near
    one, other = indices(may_be_near)
    away = tf.reduce_sum(tf.abs(tf.gather(path, one) - tf.gather(path, other)), axis=1)
    is_near = tf.cast(tf.cast(away, tf.float32) < near, tf.int32)
    (new,) = indices(tf.tensor_scatter_nd_max(tf.zeros_like(group), one[:, None], is_near) == 0)
    group, cost, path, middle = (tf.gather(values, new) for values in (group, cost, path, middle))

    is_same = group == group[:, None]
    counts = tf.reduce_sum(tf.cast(is_same & before(cost, cost), tf.int32), axis=1) < cuts.SEAMS
    number = 1 + tf.reduce_sum(tf.cast(is_same & counts & before(middle, cost), tf.int32), axis=1)
    seams = tf.tensor_scatter_nd_add(tf.zeros_like(breadth), group[:, None], tf.cast(counts, tf.int32))
    side = tf.reduce_max(seams) + 2
    place = tf.where(counts, group * side + number, count * side)[:, None]
    bounds = tf.tensor_scatter_nd_update(tf.fill([count * side + 1, ROWS], columns), place, path + 1)
    costs = tf.tensor_scatter_nd_update(tf.zeros([count * side + 1]), place, cost)
    bounds = tf.reshape(bounds[:-1], [count, side, ROWS]) * tf.cast(tf.range(side) > 0, tf.int32)[:, None]
    return Seams(bounds, tf.reshape(costs[:-1], [count, side]), seams + 1)


def _crossings(filled: Tensor, breadth: Tensor) -> tuple[Tensor, ...]:
    """Find the cell of each block through which the cheapest seam runs.

    Returns groups, costs, rows and columns, [N] each; and the columns from which the cheapest ways come, from the last
    row to the first, of seams from the top and then of seams from the bottom: [ROWS - 1, 2 U C].
    """
    count, columns = tf.shape(filled)[0], tf.shape(filled)[2]
    column = tf.range(columns)
    both = tf.transpose(tf.concat([filled, tf.reverse(filled, [1])], axis=0), (1, 0, 2))  # [ROWS, 2 U, C]
    beside = column + np.array([[0], [-1], [1]], np.int32)
    outside = (beside < 0) | (beside >= tf.concat([breadth, breadth], axis=0)[:, None, None])  # [2 U, 3, C]
    beside = tf.clip_by_value(beside, 0, columns - 1)
    here = both[1:, :, None]
    sideways = np.array([[0], [cuts.SIDEWAYS], [cuts.SIDEWAYS]], np.float32)
    entered = cuts.ENTER * tf.nn.relu(here - tf.gather(both[:-1], beside, axis=2)) + sideways + cuts.ALONG * here
    entered = tf.where(outside, FAR, entered)  # [ROWS - 1, 2 U, 3, C]

    def step(row: Tensor, cost: Tensor, costs: tf.TensorArray) -> tuple[Tensor, Tensor, tf.TensorArray]:
        cost = tf.reduce_min(tf.gather(cost, beside, axis=1) + tf.gather(entered, row), axis=1)
        return row + 1, cost, costs.write(row, cost)

    first = both[0] * (cuts.ENTER + cuts.ALONG)
    costs = _rows(step, first)
    costs = tf.concat([first[None], costs], axis=0)
    straight, left, right = tf.unstack(tf.gather(costs[:-1], beside, axis=2) + entered, axis=2)
    steps = tf.where(straight <= tf.minimum(left, right), 0, tf.where(left <= right, -1, 1))
    came_from = tf.reshape(tf.reverse(column + steps, [0]), [ROWS - 1, -1])

    total = tf.transpose(costs[:, :count] + tf.reverse(costs[:, count:], [0]) - (cuts.ENTER + cuts.ALONG), (1, 0, 2))
    is_between = (column >= cuts.EDGE) & (column < breadth[:, None] - cuts.EDGE)
    total = tf.where((filled > 0) & is_between[:, None], total, FAR)
    block = cuts.BLOCK
    high, wide = -(-ROWS // block), (columns + block - 1) // block  # in blocks
    padding = [[0, 0], [0, high * block - ROWS], [0, wide * block - columns]]
    blocks = tf.reshape(tf.pad(total, padding, constant_values=FAR), [count, high, block, wide, block])
    blocks = tf.reshape(tf.transpose(blocks, (0, 1, 3, 2, 4)), [-1, block * block])
    cheapest = tf.reduce_min(blocks, axis=1)
    (found,) = indices(cheapest <= cuts.THROUGH)
    cost, blocks = tf.gather(cheapest, found), tf.gather(blocks, found)
    at = first_of(blocks <= cost[:, None])
    y, x = found // wide, found % wide
    return y // high, cost, y % high * block + at // block, x * block + at % block, came_from


def _rows(step: Callable[..., Any], first: Tensor) -> Tensor:
    """Go through all rows but the first: `step` takes a row's number, what the row before gave, and all so far."""
    shape = tf.TensorShape([None, None])
    made = tf.TensorArray(first.dtype, ROWS - 1, element_shape=shape)
    invariants = [tf.TensorShape([]), shape, tf.TensorShape(None)]
    *_, made = tf.while_loop(lambda row, *_: row < ROWS - 1, step, [0, first, made], shape_invariants=invariants)
    # onnx.reference joins the rows along their first axis, other runtimes stack them
    return tf.reshape(made.stack(), [ROWS - 1, -1, tf.shape(first)[1]])


def _followed(row: Tensor, column: Tensor, base: Tensor, came_from: Tensor) -> Tensor:
    """Follow seams from a cell to the top and to the bottom: their column in each row, [N, ROWS].

    `base` [2, N] is where the columns of their grids begin in a row of `came_from`.
    """
    wait = tf.stack([ROWS - 1 - row, row])

    def step(number: Tensor, here: Tensor, path: tf.TensorArray) -> tuple[Tensor, Tensor, tf.TensorArray]:
        here = tf.where(wait <= number, tf.gather(tf.gather(came_from, number), base + here), here)
        return number + 1, here, path.write(number, here)

    path = _rows(step, tf.stack([column, column]))
    upper = tf.concat([tf.reverse(path[:, 0], [0]), column[None]], axis=0)
    lower = tf.concat([column[None], path[:, 1]], axis=0)
    return tf.transpose(upper + lower - column)


def _spans(ink: Tensor, filled: Tensor, seams: Seams, line_height: Tensor) -> tuple[Spans, Tensor]:
    """Find all spans that may be digits, and the whole of each group; and the ink on each seam's left, [U M, ROWS]."""
    count, side, columns = tf.shape(seams.costs)[0], tf.shape(seams.costs)[1], tf.shape(ink)[2]
    seam = tf.range(side)
    group, start, end = indices((seam[:, None] < seam) & (seam <= seams.goal[:, None, None]))

    line = tf.range(count)[:, None, None] * ROWS + _ROW  # [U, 1, ROWS]
    number = tf.cumsum(tf.pad(tf.reshape(tf.cast(filled, tf.int32), [-1]), [[1, 0]]))  # of cells with ink before
    number = tf.gather(number, line * columns + seams.bounds)
    at = tf.pad(indices(filled > 0)[2], [[1, 1]])  # the column of each cell with ink
    following, last = tf.gather(at, tf.minimum(number + 1, tf.size(at) - 1)), tf.gather(at, number)
    by_seam = [tf.reshape(values, [-1, ROWS]) for values in (number, seams.bounds, following, last)]
    left, right = group * side + start, group * side + end
    number, bounds = (tf.gather(values, right) - tf.gather(values, left) for values in by_seam[:2])
    inside = number > 0  # [spans, ROWS]
    is_uncrossed = tf.reduce_min(bounds, axis=1) >= 0
    top, bottom = first_of(inside), tf.reduce_max(tf.where(inside, _ROW + 1, 0), axis=1)
    leftmost = tf.reduce_min(tf.where(inside, tf.gather(by_seam[2], left), columns), axis=1)
    rightmost = tf.reduce_max(tf.where(inside, tf.gather(by_seam[3], right), 0), axis=1) + 1
    box = [tf.cast(values, tf.float32) for values in (leftmost, top, rightmost, bottom)]
    height = box[3] - box[1]
    allowed = is_uncrossed & (height >= cuts.SMALL * tf.gather(line_height, group))
    allowed &= box[2] - box[0] <= cuts.WIDE * height
    (allowed,) = indices(allowed | ((start == 0) & (end == tf.gather(seams.goal, group))))

    group, start, end, left, right, *box = (tf.gather(v, allowed) for v in (group, start, end, left, right, *box))
    middle = tf.cast(tf.range(columns), tf.float32) + 0.5
    sums = [tf.reshape(_sums(values), [-1]) for values in (ink, ink * middle)]
    sums = [tf.reshape(tf.gather(values, line * (columns + 1) + seams.bounds), [-1, ROWS]) for values in sums]
    mass, moment = (tf.gather(values, right) - tf.gather(values, left) for values in sums)
    all_of = tf.maximum(tf.reduce_sum(mass, axis=1), 1e-6)
    y = tf.reduce_sum(mass * (_ROW + np.float32(0.5)), axis=1) / all_of
    x = tf.reduce_sum(moment, axis=1) / all_of
    costs = tf.reshape(seams.costs, [-1])
    costs = tf.gather(costs, left) + tf.gather(costs, right)
    return Spans(group, start, end, box[0], box[1], box[2], box[3], y, x, costs, left, right), sums[0]


def _sums(values: Tensor) -> Tensor:
    """Sums along each row up to each column."""
    return tf.pad(tf.cumsum(values, axis=2), [[0, 0], [0, 0], [1, 0]])


def _images(spans: Spans, ink: Tensor, sums: Tensor) -> Tensor:
    """Normalize spans to images [S, 28, 28], after the ink on each seam's left, [U M, ROWS]."""
    columns = tf.shape(ink)[2]
    step = tf.maximum(spans.right - spans.left, spans.bottom - spans.top)[:, None] / BOX
    edges = step * (np.arange(SIDE + 1, dtype=np.float32) - CENTRE)
    across = tf.clip_by_value(spans.x[:, None] + edges, 0.0, tf.cast(columns, tf.float32))
    at = tf.minimum(tf.cast(across, tf.int32), columns - 1)
    beyond = (across - tf.cast(at, tf.float32))[:, :, None]
    at += (spans.group * (columns + 1))[:, None]
    left = tf.reshape(tf.transpose(_sums(ink), (0, 2, 1)), [-1, ROWS])  # of each column
    before = tf.gather(left, at)
    across = before + beyond * (tf.gather(left, at + 1) - before)  # [S, 29, ROWS]
    least, most = (tf.gather(sums, seam)[:, None] for seam in (spans.left_seam, spans.right_seam))
    across = tf.minimum(tf.maximum(across, least), most)
    down = tf.clip_by_value((spans.y[:, None] + edges)[:, :, None] - _ROW.astype(np.float32), 0, 1)
    images = tf.matmul(down[:, 1:] - down[:, :-1], across[:, 1:] - across[:, :-1], transpose_b=True)
    return images / tf.maximum(tf.reduce_max(images, axis=(1, 2), keepdims=True), 1e-6)


def _goodness(spans: Spans, line_height: Tensor, answers: Tensor) -> Tensor:
    line_height = tf.gather(line_height, spans.group)
    high = spans.bottom - spans.top
    wide = (spans.right - spans.left) / high
    mean = tf.reduce_mean(answers, axis=1)
    probability, digit = tf.reduce_max(mean, axis=1), tf.argmax(mean, axis=1, output_type=tf.int32)
    features = [
        tf.math.log(tf.maximum(probability, cuts.UNSURE)),
        tf.nn.relu(cuts.LOW[0] - high / line_height),
        tf.nn.relu(cuts.LOW[1] - high / line_height),
        tf.nn.relu(wide - cuts.BROAD),
        spans.costs / cuts.ENTER,
        tf.math.log(tf.maximum(1 - probability, cuts.SURE)),
    ]
    of_digit = tf.gather(cuts.OF_DIGIT, digit) + tf.gather(cuts.OF_WIDTH, digit) * wide
    return tf.linalg.matvec(tf.stack(features, axis=1), cuts.FEATURES) + of_digit


def _best(into: Tensor, start: Tensor) -> Tensor:
    """How good the best way from seam `start` [n] to each seam is, [n, M], after the steps into each from each."""

    def longer(best: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
        better = tf.maximum(best, tf.reduce_max(into + best[:, None], axis=2))
        return better, tf.reduce_any(better > best)

    none = tf.where(tf.range(tf.shape(into)[1]) == start[:, None], 0.0, -FAR)
    return tf.while_loop(lambda best, changed: changed, longer, [none, tf.constant(True)])[0]


def _on_the_way(spans: Spans, into: Tensor, best: Tensor, goal: Tensor) -> Tensor:
    """The spans on the best way of each group, going back from the right; none if there is no way of those kept."""
    side = tf.shape(into)[1]
    from_seam = first_of(into + best[:, None] >= best[:, :, None])
    from_seam = tf.reshape(tf.where(tf.range(side) > 0, from_seam, 0), [-1])
    base = _numbered(goal) * side

    def back(here: Tensor, passed: Tensor) -> tuple[Tensor, Tensor]:
        passed = tf.maximum(passed, tf.cast(tf.range(side) == here[:, None], tf.int32))
        return tf.nn.relu(tf.minimum(tf.gather(from_seam, base + here), here - 1)), passed  # ends in every runtime

    nothing = tf.zeros([tf.size(goal), side], tf.int32)
    _, passed = tf.while_loop(lambda here, passed: tf.reduce_any(here > 0), back, [goal, nothing])
    end = spans.group * side + spans.end
    is_passed = (tf.gather(tf.reshape(passed, [-1]), end) > 0) & (tf.gather(from_seam, end) == spans.start)
    has_way = tf.gather(tf.reshape(best, [-1]), base + goal) > -FAR / 2
    (chosen,) = indices(is_passed & tf.gather(has_way, spans.group))
    return chosen
