"""Connected parts of the cells with ink."""

import numpy as np

PARTS = 128  # on a sheet, the largest ones
GOES_ON = 0.75  # of the mean of a part's ink: if ink beside it is so dark where no digit is near, the part goes on


class Part:
    """Cells of ink that belong together. `cover` says how much of each cell is covered: at the border, less than all.

    Rows and columns are float32, as in the graph.
    """

    def __init__(self, y: np.ndarray, x: np.ndarray, ink: np.ndarray, cover: np.ndarray, goes_on: bool = False) -> None:
        self.y, self.x, self.ink, self.cover, self.goes_on = y, x, ink, cover, goes_on
        self.left, self.top = (x + 1 - cover).min(), (y + 1 - cover).min()  # float32, as in the graph
        self.right, self.bottom = (x + cover).max(), (y + cover).max()
        self.width, self.height = self.right - self.left, self.bottom - self.top
        self.size = max(self.width, self.height)

    @property
    def box(self) -> np.ndarray:
        """Left, top, right and bottom."""
        return np.array([self.left, self.top, self.right, self.bottom], np.float32)

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of mass: y and x."""
        return float(np.average(self.y + 0.5, weights=self.ink)), float(np.average(self.x + 0.5, weights=self.ink))


def union(parts: list[Part]) -> Part:
    y, x, ink, cover = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "x", "ink", "cover"))
    return Part(y, x, ink, cover, any(part.goes_on for part in parts))


def parts_of(ink: np.ndarray, beyond: np.ndarray) -> list[Part]:
    """Find the largest parts, in the order of their size: cells that touch, at a corner too.

    One goes on where no digit is near if ink `beyond` is as dark there: the line of a form, the edge of a sheet.
    """
    label = np.full(np.add(ink.shape, 2), -1)
    parents: list[int] = []  # of labels; a root is its own

    def root(number: int) -> int:
        while parents[number] != number:
            number = parents[number]
        return number

    cells = np.argwhere(ink > 0)
    for y, x in cells.tolist():
        near = {root(n) for n in (*label[y, x : x + 3].tolist(), label[y + 1, x]) if n >= 0}
        number = min(near, default=len(parents))
        if not near:
            parents.append(number)
        for other in near:
            parents[other] = number
        label[y + 1, x + 1] = number
    roots = np.array([root(number) for number in label[1:-1, 1:-1][ink > 0]], int)
    level = ink[ink > 0]
    parts = []
    for number in np.unique(roots):
        mine = roots == number
        y, x = cells[mine].T.astype(np.float32)
        goes_on = beyond[ink > 0][mine].max() > GOES_ON * level[mine].mean()
        parts.append(Part(y, x, level[mine], level[mine] / level[mine].max(), bool(goes_on)))
    return sorted(parts, key=lambda part: -part.size)[:PARTS]
