"""Images of pieces of ink, as the networks see them."""

import numpy as np

from model.normalize import BOX, CENTRE, GRID, SIDE
from model.reader.connecting import Part
from model.reader.shading import Sheet

ALONE = 1.2  # of the only group's size: if the ink in the sheet's image is larger, it holds other ink, too,
COARSE = 2.0  # unless it is larger by less than so many cells of the normalization's grid
NUDGE = 2**-10  # of a cell: what lies on the edge of two falls to the same one, however a runtime rounds


def images_of(groups: list[Part], sheet: Sheet, image: np.ndarray, step: float) -> np.ndarray:
    """What the networks see of each group, float32 [count, 28, 28].

    Of one group that holds all ink it is `image`, what model/normalize.py makes of the sheet, with `step` pixels a
    pixel; unless other ink makes the digit in it small.
    """
    size = BOX * step - COARSE / GRID * max(sheet.level.shape)
    has_all = len(groups) == 1 and len(groups[0].y) == np.count_nonzero(sheet.ink)
    if has_all and size <= ALONE * sheet.cell * groups[0].size:
        return image[None]
    return np.array([image_of(group, sheet) for group in groups]).reshape(-1, SIDE, SIDE)


def image_of(part: Part, sheet: Sheet) -> np.ndarray:
    """Normalize a part to what the networks see, float32 [28, 28], as model/normalize.py does a whole sheet."""
    step = max(part.size, 0.1) * sheet.cell / BOX
    y, x = (sheet.cell * middle for middle in part.middle)
    edges = step * (np.arange(SIDE + 1) - CENTRE)
    own = np.zeros((SIDE, SIDE), bool)
    at = np.floor((np.stack([part.y, part.x]) + 0.5) * sheet.cell / step - [[y / step], [x / step]] + CENTRE + NUDGE)
    at = at.astype(int)[:, ((at >= 0) & (at < SIDE)).all(axis=0)]
    own[at[0], at[1]] = True
    image = darkness(sheet, y + edges, x + edges) * and_around(own)
    return (image / max(image.max(), 1e-6)).astype(np.float32)


def paper_at(box: np.ndarray, sheet: Sheet) -> float:
    """The paper's level in the middle of a box: left, top, right and bottom in cells."""
    left, top, right, bottom = box
    height, width = sheet.level.shape
    y, x = (
        min(int(sheet.cell * middle * GRID / side + NUDGE), GRID - 1)
        for middle, side in (((top + bottom) / 2, height), ((left + right) / 2, width))
    )
    return float(sheet.paper[y, x])


def darkness(sheet: Sheet, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """How much darker than the paper the sheet is between the edges `down` and `across`, [rows, columns]."""
    rows, columns = (_overlaps(edges, side) for edges, side in zip((down, across), sheet.level.shape, strict=True))
    y, x = (
        np.clip(((edges[:-1] + edges[1:]) / 2 * GRID / side + NUDGE).astype(int), 0, GRID - 1)
        for edges, side in zip((down, across), sheet.level.shape, strict=True)
    )
    covered = rows.sum(axis=1)[:, None] * columns.sum(axis=1)
    return np.maximum(sheet.paper[y][:, x] * covered - rows @ sheet.level @ columns.T, 0)


def _overlaps(edges: np.ndarray, length: int) -> np.ndarray:
    """Overlap of each interval between two edges with each pixel, [intervals, length]."""
    return np.diff(np.clip(edges[:, None] - np.arange(length), 0, 1), axis=0)


def and_around(inside: np.ndarray) -> np.ndarray:
    """Some pixels and those that touch them, [rows, columns]."""
    height, width = inside.shape
    padded = np.pad(inside, 1)
    return np.any([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)
