"""A tiny reader of numbers that are written as vertical bars, and sketches of such bars. make.py makes the file."""

from pathlib import Path

import numpy as np

TINY = Path(__file__).parent
SURE, UNSURE, BLOT = 8, 24, 50  # pixels; the width of a bar that is read surely, unsurely, and not as a digit


def bar(digit: int, width: int = SURE) -> np.ndarray:
    """A sketch that the tiny reader reads as `digit`, by the height at which the bar is: uint8 [140, 200]."""
    return bars((digit, width))


def bars(*drawn: tuple[int, int]) -> np.ndarray:
    """A sketch of several bars from the left: digit and width of each. At most ten bars of width SURE fit."""
    sketch = np.full((140, 200), 255, np.uint8)
    left = 6
    for digit, width in drawn:
        sketch[14 * digit + 1 : 14 * digit + 13, left : left + width] = 0
        left += width + 12
    return sketch
