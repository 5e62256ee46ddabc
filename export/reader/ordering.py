"""Pieces of ink in reading order, as the best look shows them."""

from typing import Any

import tensorflow as tf

from export.contract import MAPS
from export.reader.cutting import Entries, entries_of
from export.reader.grouping import Groups
from export.reader.judging import is_digit_beside_digits, is_smear, probable
from export.reader.looking import Clearness
from export.reader.shading import Pages, Shades
from export.reader.tensors import FAR, Tensor, indices, segment_sums
from model.normalize import GRID, LOOKS, SIDE
from model.reader import imaging, judging, looking, ordering


def nothing(pages: Pages, shades: Shades, least: Tensor, clearness: Clearness) -> dict[str, Tensor]:
    """What stands on blank sheets. Without these, OpenVINO repeats what the sheets before them held."""
    sketches = tf.size(clearness.unclear)

    def empty(shape: tuple[int, ...] = (), dtype: Any = tf.float32) -> Tensor:
        return tf.zeros(tf.stack([sketches, tf.minimum(sketches, 0), *shape]), dtype)

    return {
        "digits": empty(dtype=tf.int64),
        "line": empty(dtype=tf.int64),
        "sure": empty(),
        "boxes": empty((4,)),
        "probabilities": empty((3, 10)),
        "images": empty((SIDE, SIDE)),
        **{layer: empty(shape) for layer, shape in MAPS.items()},
    }


def at_once(groups: Groups, images: Tensor, judged: Any, pages: Pages, *rest: Any) -> dict[str, Tensor]:
    """Do what all the steps after judge() do with one sure digit on each sheet."""
    return as_they_are(entries_of(groups, images, judged), None, pages, None)


def as_they_are(entries: Entries, read_pictures: Any, pages: Pages, clearness: Clearness | None) -> dict[str, Tensor]:
    """Do what in_order() does with one piece of ink on each sheet."""
    digit = tf.argmax(entries.probabilities[:, 2], axis=1, output_type=tf.int64)
    outputs = {
        "digits": tf.where(entries.counts, digit, -1),
        "line": tf.cast(entries.line, tf.int64),
        "sure": tf.reduce_max(entries.probabilities[:, 2], axis=1),
        "boxes": entries.boxes * pages.cell,
        "probabilities": entries.probabilities,
        "images": entries.images,
        **entries.maps,
    }
    return {name: tf.expand_dims(values, 1) for name, values in outputs.items()}


def in_order(entries: Entries, read_pictures: Any, pages: Pages, clearness: Clearness) -> dict[str, Tensor]:
    """Lay pieces of ink out in reading order, after the rule when they count as digits, as the best look shows them."""
    sheets = tf.shape(pages.image)[0]
    entries = _without_leavings(_or_one_digit(_beside_digits(entries, sheets), read_pictures, pages), pages)
    sheet, line, x, piece, _, _, counts, boxes, probabilities, images, maps = entries
    counts, sure = tf.cast(counts, tf.float32), tf.reduce_max(probabilities[:, 2], axis=1)
    same_sheet = sheet[:, None] == sheet
    same_line = tf.cast(same_sheet & (line[:, None] == line), tf.float32)
    on_sheet = tf.cast(same_sheet, tf.float32)
    share = tf.linalg.matvec(same_line, counts) / tf.reduce_sum(same_line, axis=1)
    counts = tf.where(share >= ordering.DIGITS, counts, 0.0)
    share = tf.linalg.matvec(on_sheet, counts) / tf.reduce_sum(on_sheet, axis=1)
    is_number = (share >= ordering.SHEET) | (tf.linalg.matvec(same_line, counts) >= ordering.FEW)
    digit = tf.argmax(probabilities[:, 2], axis=1, output_type=tf.int64)
    digit = tf.where((counts > 0) & is_number, digit, -1)

    best = best_looks(digit, sheet, read_pictures[0], pages, clearness)
    is_best = pages.number == tf.gather(best, pages.sketch)
    (kept,) = indices(tf.gather(is_best, sheet))
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
    (kept,) = indices(place < ordering.PIECES)
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


def _beside_digits(entries: Entries, sheets: Tensor) -> Entries:
    """Judge ink anew where half of the other pieces on its sheet are digits."""
    counts = tf.cast(entries.counts, tf.float32)
    digits, pieces = (segment_sums(entries.sheet, each, sheets) for each in (counts, tf.ones_like(counts)))
    are_digits = (digits >= 1) & (digits >= ordering.DIGITS * (pieces - 1))
    counts = tf.gather(are_digits, entries.sheet) & is_digit_beside_digits(entries.probabilities, entries.images)
    return Entries(*entries[:6], entries.counts | counts, *entries[7:])


def _or_one_digit(entries: Entries, read_pictures: Any, pages: Pages) -> Entries:
    """Take a sheet for one digit where the networks read it surely as one, and few and not all of its pieces so."""
    probabilities, maps = read_pictures
    count, owner = tf.shape(pages.image)[0], entries.sheet[:, None]
    read = tf.cast(tf.reduce_max(entries.probabilities[:, 2], axis=1) > judging.PROBABLE, tf.float32)
    known = tf.cast(_are_known(entries), tf.float32)
    pieces, read, known = (segment_sums(entries.sheet, each, count) for each in (tf.ones_like(read), read, known))
    few = (read < tf.minimum(pieces, float(ordering.FEW))) & (known < 2)
    (sheet,) = indices(tf.reduce_max(probabilities[:, 2], axis=1) > judging.SURE)  # none if no whole sheets were read
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
        tf.cast(zero, tf.float32),
        tf.cast(zero, tf.float32),
        tf.gather(~is_smear(pages.image), sheet),
        tf.gather(tf.concat([low, high], axis=1), sheet),
        *tf.nest.map_structure(lambda values: tf.gather(values, sheet), (probabilities, pages.image, maps)),
    )
    (kept,) = indices(tf.gather(is_one, entries.sheet) == 0)
    return tf.nest.map_structure(lambda a, b: tf.concat([tf.gather(a, kept), b], axis=0), entries, ones)


def _are_known(entries: Entries) -> Tensor:
    """Whether each is surely a digit, and no 1."""
    is_sure = tf.reduce_max(entries.probabilities[:, 2], axis=1) > judging.SURE
    return entries.counts & is_sure & (tf.argmax(entries.probabilities[:, 2], axis=1) != 1)


def _without_leavings(entries: Entries, pages: Pages) -> Entries:
    """Leave out smears beside digits, ends of what goes on where no digit is near, and what is too faint."""
    sheet, boxes, is_digit, sheets = entries.sheet, entries.boxes, entries.counts, tf.shape(pages.image)[0]
    is_one = is_digit & (tf.argmax(entries.probabilities[:, 2], axis=1, output_type=tf.int32) == 1)
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    digits, total = (segment_sums(sheet, tf.where(is_digit, values, 0.0), sheets) for values in (1.0, high))
    mean = tf.gather(total / tf.maximum(digits, 1.0), sheet)
    is_end = (wide < ordering.THIN_END * high) & (is_one | ~is_digit)
    is_size = (high >= ordering.END[0] * mean) & (high <= ordering.END[1] * mean) & (wide <= judging.WIDE * high)
    is_end |= ~(is_digit | is_size)
    is_end &= entries.ends > 0

    paper = _paper_at(entries, pages)
    known = tf.cast(_are_known(entries), tf.float32)
    count = tf.maximum(segment_sums(sheet, known, sheets), 1.0)
    of_ink, of_paper = (segment_sums(sheet, known * each, sheets) / count for each in (entries.ink, paper))
    is_faint = (entries.ink < ordering.FAINT * tf.gather(of_ink, sheet)) & (is_one | ~is_digit)
    is_beside = (paper < ordering.DARK * tf.nn.relu(tf.gather(of_paper, sheet))) & (paper > 0)
    is_end |= is_faint & ((wide < ordering.THIN * high) | is_beside)
    digits = segment_sums(sheet, tf.cast(is_digit & ~is_end, tf.int32), sheets)
    (kept,) = indices(~(is_smear(entries.images) | is_end) | (tf.gather(digits, sheet) == 0))
    return tf.nest.map_structure(lambda values: tf.gather(values, kept), entries)


def _paper_at(entries: Entries, pages: Pages) -> Tensor:
    """The paper's level in the middle of each box."""
    left, top, right, bottom = tf.unstack(entries.boxes, axis=1)
    side = tf.cast(tf.shape(pages.level), tf.float32)
    y, x = (
        tf.minimum(tf.cast(pages.cell * (ends / 2) * GRID / side[axis] + imaging.NUDGE, tf.int32), GRID - 1)
        for axis, ends in ((1, top + bottom), (2, left + right))
    )
    return tf.gather(tf.reshape(pages.paper, [-1]), (entries.sheet * GRID + y) * GRID + x)


def best_looks(digits: Tensor, sheet: Tensor, pictures: Tensor, pages: Pages, clearness: Clearness) -> Tensor:
    """The number of the look that shows each sketch best. `pictures` are the answers for whole sheets."""
    unclear, other, same, is_marker = clearness
    sketches, sheets = tf.size(unclear), tf.size(pages.number)
    none = tf.zeros([sheets])

    def by_look(values: Tensor) -> Tensor:
        values = tf.concat([values, none], axis=0)[:sheets]
        laid_out = tf.tensor_scatter_nd_update(tf.zeros([(1 + LOOKS) * sketches]), pages.number[:, None], values)
        return tf.reshape(laid_out, [1 + LOOKS, sketches])

    images = tf.where(by_look(tf.cast(is_smear(pages.image), tf.float32)) > 0, 0.0, by_look(probable(pictures)))[:3]
    straight, turned, last = tf.unstack(images)
    of_drawing = straight, tf.where(other & (turned > judging.SURE), turned, 0.0), tf.where(same, judging.SURE, 0.0)
    of_photograph = (
        tf.where(same, tf.maximum(straight, judging.SURE), straight),
        tf.where(other, tf.maximum(turned, looking.TURNED), turned),
        tf.where(is_marker & ~same & (straight < judging.SURE) & (last > judging.SURE), 1.0, last),
    )
    is_drawn = unclear > 1
    sure = [tf.where(is_drawn, a, b) for a, b in zip(of_drawing, of_photograph, strict=True)]
    surest = tf.argmax(tf.stack(sure), output_type=tf.int32)
    counts = (digits != 1) | tf.gather(unclear == 0, tf.gather(pages.sketch, sheet))
    gains = by_look(segment_sums(sheet, tf.where(digits < 0, -2.0, tf.cast(counts, tf.float32)), sheets))
    most = tf.argmax(gains, output_type=tf.int32)
    gain = tf.gather(tf.transpose(gains), surest, batch_dims=1)
    more = tf.where(is_drawn | (tf.reduce_max(images, axis=0) >= judging.SURE), 2.0, 1.0) * ordering.FEW
    is_page = tf.reduce_max(gains, axis=0) >= tf.maximum(gain, 0.0) + more
    best = tf.where(is_page, most, surest)
    return best * sketches + tf.range(sketches)
