"""Tiny networks that read the position of a vertical bar, and sketches of such bars. make.py makes the files."""

from pathlib import Path

import numpy as np

TINY = Path(__file__).parent


def bar(digit: int) -> np.ndarray:
    """A sketch that the tiny networks read as `digit`: uint8 [140, 200]."""
    sketch = np.full((140, 200), 255, np.uint8)
    sketch[30:110, 20 * digit + 6 : 20 * digit + 14] = 0
    return sketch
