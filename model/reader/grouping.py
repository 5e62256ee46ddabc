"""Lines of parts, and groups of those that make up one digit."""

from collections.abc import Callable

import numpy as np

from model.reader.connecting import Part, parts_of, union
from model.reader.cuts import SMALL

# Lengths are shares of the usual height, which a quarter of the parts exceed, unless a comment names another one.

# Lines
LOWEST = 0.04  # of the highest part: a lower one is a speck, and does not count for the usual height
TALL = 0.4  # a lower part makes no line of its own
BESIDE = 0.5  # of the lower one's height: two tall parts that share more of their rows are in one line
LOW_LINE = 0.3  # of the highest line's height: a lower line is specks
SPECK = 0.2  # of its line's height: a smaller part is a speck

# Parts in which digits of two lines touch
HIGH = 1.5  # a lower part is none
LIKE = 0.25  # of its height: a lower part beside it does not tell of two lines

# Strokes under digits, over them or between them
FLAT = 3.0  # of its height: a narrower part is none
RULE = 1.2  # a wider one is, if OVER_RULE tall parts lie over or under it
OVER_RULE = 2
GAP = 0.08  # one is, too, that is as far under a tall part, and farther over the next one
COMB = 0.3  # of its height: a tall part is one only if its centre of mass is so near to its top or bottom
TOWER = 2.5  # a stroke as high is a margin, if what stands beside it is together TABLE as high

# Frames and tables
FRAMED = 0.1, 0.25  # of its height: what a part must hold to be a frame is tall, but as low at least, and at most
WEIGHT = 0.15  # of its ink: it is a frame if what it holds has more together
TABLE = 0.8  # of its height: it is a table if what it holds is together higher,
CONTENT = 0.05  # each part being higher than this share

# The slash in a 0, which is no frame
SLASH = 0.4, 0.8  # of the height of the 0: a slash is as high at least, and lower
LEAN = 0.25  # of its own height: a slash is as wide at least
STRAIGHT = 1.2  # of the length of a straight one: a slash is shorter, judged by its ink

# Groups of parts that make up one digit
OVER = 0.6  # of the narrower one's width: of two parts that share as much one stands over the other
HIGHEST = 1.48  # of their line's height: parts that are together higher are none, such as a caption and a digit
INSIDE = 0.06  # of a part's height: what is as far inside its box on all sides belongs to it, if it may be a 0


def parts_in_lines(ink: np.ndarray, beyond: np.ndarray) -> list[Part]:
    """Find the largest parts. One in which digits of two lines touch is cut: it loses a row of cells between them."""
    parts = without_rules(parts_of(ink, beyond))
    rows = [(part, row) for part, row in zip(parts, rows_between_lines(parts), strict=True) if row >= 0]
    if not rows:
        return parts
    ink = ink.copy()
    for part, row in rows:
        ink[row, part.x[part.y == row].astype(int)] = 0
    return without_rules(parts_of(ink, beyond))


def rows_between_lines(parts: list[Part]) -> list[int]:
    """The row of cells in which each part is to be cut, or -1.

    It is between the parts of both lines that are nearest: beside the part to be cut, but one above the other.
    """
    tall = _tall(parts)
    rows = []
    for part in parts:
        similar = [other for other in tall if other is not part and other.height > LIKE * part.height]
        beside = [other for other in similar if _are_beside(part, other)]
        upper = [a for a in beside if any(a.bottom <= b.top for b in beside)]
        lower = [b for b in beside if any(a.bottom <= b.top for a in beside)]
        if upper and part.height > HIGH * _usual_height(parts):
            above, below = (min(side, key=lambda other: _gap(part, other)) for side in (upper, lower))
            rows.append(int((above.bottom + below.top) / 2))
        else:
            rows.append(-1)
    return rows


def _gap(a: Part, b: Part) -> float:
    return max(-overlap(a.left, a.right, b.left, b.right), 0.0)


def _usual_height(parts: list[Part]) -> float:
    """The height that a quarter of the parts exceed, without the lowest; 0 without parts."""
    if not parts:
        return 0.0
    heights = np.sort([part.height for part in parts])[::-1]
    heights = heights[heights >= LOWEST * heights[0]]
    return float(heights[len(heights) // 4])


def _tall(parts: list[Part]) -> list[Part]:
    least = TALL * _usual_height(parts)
    return [part for part in parts if part.height >= least]


def without_rules(parts: list[Part]) -> list[Part]:
    """Leave out strokes under, over or along several digits, and frames and tables around digits."""
    if not parts:
        return parts
    usual, tall = _usual_height(parts), _tall(parts)

    def is_rule(part: Part) -> bool:
        if part.width < FLAT * part.height or (part.height >= TALL * usual and not is_comb(part)):
            return False
        others = [each for each in tall if each is not part]
        shared = [each for each in others if overlap(part.left, part.right, each.left, each.right) >= OVER * each.width]
        above = min((part.top - each.bottom for each in shared if each.bottom < part.top), default=np.inf)
        below = min((each.top - part.bottom for each in shared if part.bottom < each.top), default=np.inf)
        return GAP * usual <= above < below or (part.width >= RULE * usual and len(shared) >= OVER_RULE)

    def is_comb(part: Part) -> bool:
        down = (part.middle[0] - part.top) / part.height
        return not COMB <= down <= 1 - COMB

    def is_margin(part: Part) -> bool:
        beside = [
            each.height
            for each in tall
            if overlap(part.top, part.bottom, each.top, each.bottom) >= OVER * each.height
            and HIGH * each.height < part.height
        ]
        return bool(part.height >= max(TOWER * usual, FLAT * part.width) and sum(beside) > TABLE * part.height)

    def is_frame(part: Part) -> bool:
        least = np.clip(TALL * usual, FRAMED[0] * part.height, FRAMED[1] * part.height)
        framed = [each for each in parts if _margin(each, part) > 0 and each.height >= least]
        share = sum(each.ink.sum() for each in framed) / part.ink.sum()
        is_slash = (
            len(framed) == 1
            and part.width < part.height
            and SLASH[0] * part.height <= framed[0].height < SLASH[1] * part.height
            and share * np.pi / 2 * (part.width + part.height) < STRAIGHT * np.hypot(framed[0].width, framed[0].height)
            and framed[0].width >= LEAN * framed[0].height
        )
        small = [each.height for each in parts if _margin(each, part) > 0 and each.height >= CONTENT * part.height]
        return bool(share > WEIGHT or sum(small) > TABLE * part.height) and not is_slash

    return [part for part in parts if not is_rule(part) and not is_margin(part) and not is_frame(part)]


def _follow(tall: list[Part]) -> np.ndarray:
    """Whether one of two tall parts is the nearest to the left or to the right that stands beside the other, [n, n].

    Whether parts that are farther away stand beside it says nothing: lines may rise or fall.
    """
    middle, number = np.array([part.left + part.right for part in tall]), np.arange(len(tall))
    later = (middle > middle[:, None]) | ((middle == middle[:, None]) & (number > number[:, None]))
    beside = np.array([[_are_beside(a, b) for b in tall] for a in tall])
    gap = np.where(later & beside, middle - middle[:, None], np.inf)
    follows = (gap < np.inf) & ((gap == gap.min(axis=0)) | (gap == gap.min(axis=1, keepdims=True)))
    return follows | follows.T


def _are_beside(a: Part, b: Part) -> bool:
    return bool(overlap(a.top, a.bottom, b.top, b.bottom) > BESIDE * min(a.height, b.height))


def lines_of(parts: list[Part]) -> list[list[Part]]:
    """Put parts in lines, and join those that make up one digit. Lines from the top, digits from the left."""
    if not parts:
        return []
    tall = _tall(parts)
    follows = _follow(tall)
    place = {id(part): number for number, part in enumerate(tall)}
    lines = closed(tall, lambda a, b: bool(follows[place[id(a)], place[id(b)]]))
    heights = [max(part.height for part in line) for line in lines]
    home = {id(part): number for number, line in enumerate(lines) for part in line}
    marks = []
    for part in parts:
        if id(part) not in home:
            nearest = min(tall, key=lambda other: _distance(part, other))
            home[id(part)] = home[id(nearest)]
            if 2 * part.top > nearest.top + nearest.bottom or part.bottom <= nearest.top:
                marks.append(id(part))
    found = []
    for number, height in enumerate(heights):
        if height < LOW_LINE * max(heights):
            continue
        line = [part for part in parts if home[id(part)] == number and part.size >= SPECK * height]

        def belong(a: Part, b: Part, height: float = height) -> bool:
            shared = overlap(a.left, a.right, b.left, b.right)
            is_over = min(a.height, b.height) < SMALL * height and shared >= OVER * min(a.width, b.width)
            is_over &= max(a.bottom, b.bottom) - min(a.top, b.top) <= HIGHEST * height and a.goes_on == b.goes_on
            return is_over or _is_inside(a, b) or _is_inside(b, a)

        classes = closed(line, belong)
        groups = [union(group) for group in classes if len(group) > 1 or id(group[0]) not in marks]
        found.append(sorted(groups, key=lambda group: group.middle[1]))
    return sorted(found, key=lambda line: float(np.mean([group.top + group.bottom for group in line])))


def overlap(start: float, end: float, other_start: float, other_end: float) -> float:
    return min(end, other_end) - max(start, other_start)


def _margin(part: Part, ring: Part) -> float:
    """How far the box of a part is inside that of another, at least, on all sides."""
    return min(part.left - ring.left, ring.right - part.right, part.top - ring.top, ring.bottom - part.bottom)


def _is_inside(part: Part, ring: Part) -> bool:
    return bool(ring.width < ring.height and _margin(part, ring) > INSIDE * ring.height)


def _distance(a: Part, b: Part) -> float:
    return max(0.0, -overlap(a.left, a.right, b.left, b.right)) + max(0.0, -overlap(a.top, a.bottom, b.top, b.bottom))


def closed(parts: list[Part], related: Callable[[Part, Part], bool]) -> list[list[Part]]:
    """Divide parts into classes such that related ones are in the same."""
    classes: list[list[Part]] = []
    for part in parts:
        mine = [each for each in classes if any(related(part, other) for other in each)]
        classes = [each for each in classes if all(each is not one for one in mine)]
        classes.append([other for each in mine for other in each] + [part])
    return classes
