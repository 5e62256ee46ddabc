"""Groups that are several digits which touch."""

import numpy as np

from model.reader import cuts
from model.reader.connecting import Part
from model.reader.cuts import ROWS, SMALL, Networks
from model.reader.imaging import NUDGE, and_around, darkness
from model.reader.judging import PROBABLE, SURE, WIDE, with_mean
from model.reader.shading import Sheet

TO_CUT = 32.0  # heights: if the groups of which the networks are unsure are wider, it is no number; nothing is cut
NARROW = 0.5  # of its height: a group that is narrower is not cut
WIDEST = 12.0  # times its height: a group that is wider is not cut
ONES = 2  # in a group that is cut: if they are more, and most of its digits, it is a zigzag

# Weights, in the order of cut(), of what tells a number from a letter, a scribble or a house; among others of which the
# networks are mostly unsure, from a part of a word; and among others of which they are sure, from a wide digit. A cut
# counts if their sum is above 0. Fitted by logistic regression to the best ways through numbers of the writers for
# validation, and through letters, sheets without a number, and wide digits. The weight of 1s in the first row was set,
# so that few 1s are lost.
EVIDENCE = np.array(
    [
        [3.46, 2.15, 0.0, 1.62, 0.06, -2.0, -5.6],
        [1.16, 5.36, -1.19, 1.64, 1.26, -1.26, -7.45],
        [14.3, 2.5, 0.0, 1.3, -2.9, 0.0, -5.2],
    ],
    np.float32,
)
MOSTLY = 0.5  # of the other groups


def doubtful(groups: list[Part], heights: list[float], sure: np.ndarray) -> list[bool]:
    """Tell which groups may have to be cut. `heights` are those of their lines, `sure` how sure the networks are."""
    doubts = [
        NARROW * group.height < group.width < WIDEST * group.height
        and group.height > SMALL * height
        and bool(p < SURE or group.width > WIDE * group.height)
        for group, height, p in zip(groups, heights, sure, strict=True)
    ]
    to_cut = sum(group.width / group.height for group, d in zip(groups, doubts, strict=True) if d)
    return doubts if to_cut <= TO_CUT else [False] * len(groups)


def cut(
    group: Part, height: float, sure: float, beside: np.ndarray, sheet: Sheet, networks: Networks
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Cut a group into digits. Returns the box, the image and the probabilities of each, from the left; none if it is
    not certain that there are several.

    `height` is its line's, `sure` how sure the networks are of it as one digit, `beside` of which other groups they are
    sure.
    """
    ink, filled = on_grid(group, sheet)
    unit = group.height / ROWS
    spans, images, both, goodness = cuts.digits_of(ink, filled, height / unit, networks)
    if len(images) < 2:
        return []
    answers = with_mean(both)
    least = answers[:, 2].max(axis=1).min()
    ones = np.sum(answers[:, 2].argmax(axis=1) == 1)
    surely = np.mean(beside) if len(beside) else 0
    evidence = [
        np.log(least),
        group.width / group.height,
        surely,
        goodness.mean(),
        np.log(max(sure, cuts.UNSURE)),
        ones / len(images),  # half a letter often looks like a 1
        1,
    ]
    weights = EVIDENCE[int(len(beside) > 0) + int(surely >= MOSTLY)]
    if least <= PROBABLE or ones > max(ONES, len(images) / 2) or evidence @ weights <= 0:
        return []
    boxes = np.stack([spans.left - 1, spans.top, spans.right - 1, spans.bottom], axis=1) * unit
    boxes += [group.left, group.top] * 2
    return list(zip(boxes, images, answers, strict=True))


def on_grid(group: Part, sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Lay a group on a grid of ROWS rows between two empty columns.

    Returns how dark each cell of the grid is, 0 to 1, and 1 where it holds ink of the group, else 0, [ROWS, columns]
    each.
    """
    unit = group.height / np.float32(ROWS)  # float32, as in the graph
    down = group.top + unit * np.arange(ROWS + 1, dtype=np.float32)
    across = group.left + unit * np.arange(-1, int(group.width / unit + NUDGE) + 2, dtype=np.float32)
    own = np.zeros(sheet.ink.shape, np.float32)
    own[group.y.astype(int), group.x.astype(int)] = 1
    middles = ((edges[:-1] + unit / 2 + NUDGE).astype(int) for edges in (down, across))
    y, x = (np.clip(middle, 0, size - 1) for middle, size in zip(middles, sheet.ink.shape, strict=True))
    filled = own[y][:, x]
    filled[:, [0, -1]] = 0
    ink = darkness(sheet, sheet.cell * down, sheet.cell * across) * and_around(filled > 0)
    return ink / max(ink.max(), 1e-6), filled
