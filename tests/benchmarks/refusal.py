"""python -m tests.benchmarks refusal --data DIR: digits that the page refuses and non-digits that it accepts.

Compares the page's rule with confidence alone. --writers 5 15 25 are the writers for choosing the rule; the default is
the held-out writers. --write stores the results for the model card.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from demo.networks.classifier import PROBABLE, load
from demo.networks.files import ONNX
from demo.reader import too_small
from export.measurements import RefusalRow, Refusals, sha256
from export.pipeline import REFUSALS
from model import folders, pendigits, styles
from model.draw import Drawing, draw
from model.evaluate import BRUSHES
from model.pendigits import TEST_WRITERS

EACH = 500
PEN = 20  # pixels, as on the page
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwx"  # without those that look like digits


def sketches_of(drawings: list[Drawing], brush: int = PEN) -> Iterator[Image.Image]:
    return (draw(drawing, brush, 196 - brush) for drawing in drawings)


def wandering(random: np.random.Generator, steps: int, stride: float) -> Image.Image:
    """A short random path of the pen."""
    path = random.uniform(60, 220, 2) + np.cumsum(stride * random.standard_normal((steps, 2)), axis=0)
    sketch = Image.new("L", (280, 280), 255)
    pen = ImageDraw.Draw(sketch)
    pen.line([(x, y) for x, y in path.tolist()], fill=0, width=PEN, joint="curve")
    for x, y in path.tolist():
        pen.circle((x, y), PEN / 2, fill=0)
    return sketch


def printed(random: np.random.Generator) -> Image.Image:
    """A letter in one of matplotlib's fonts for text."""
    folder = Path(matplotlib.get_data_path())
    fonts = [
        f.fname for f in font_manager.fontManager.ttflist if folder in Path(f.fname).parents and "DejaVu" in f.name
    ]
    font = ImageFont.truetype(sorted(fonts)[random.integers(len(fonts))], 200)
    sketch = Image.new("L", (280, 280), 255)
    letter = LETTERS[random.integers(len(LETTERS))]
    ImageDraw.Draw(sketch).text((140, 140), letter, font=font, fill=0, anchor="mm")
    return sketch


def side_by_side(random: np.random.Generator, pens: list[Drawing]) -> Drawing:
    """Two digits of the same height, side by side as in a number."""
    left, right = (pens[i] for i in random.integers(len(pens), size=2))
    low, high = zip(
        *((np.concatenate(d).min(axis=0), np.concatenate(d).max(axis=0)) for d in (left, right)), strict=True
    )
    left, right = (
        [(stroke - corner) / (far - corner)[1] for stroke in drawing]
        for drawing, corner, far in zip((left, right), low, high, strict=True)
    )
    gap = max(stroke[:, 0].max() for stroke in left) + random.uniform(0.15, 0.6)
    return [*left, *(stroke + np.array([gap, 0]) for stroke in right)]


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--writers", type=int, nargs="+", default=TEST_WRITERS)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    pens = pendigits.load(folders.checked(arguments.data)).by(*arguments.writers)
    random = np.random.default_rng(0)
    classifier = load("cpu")

    def refused(sketches: Iterator[Image.Image]) -> tuple[int, float, float, float]:
        rows = []
        for image in sketches:
            sketch = np.asarray(image)
            answer, small = classifier.classify(sketch), too_small(sketch)
            rows.append((answer.digit is None or small, answer.digit is None, answer.sure and not small))
        by_rule, by_confidence, sure = np.mean(rows, axis=0)
        return len(rows), by_rule, by_confidence, sure

    sets: dict[str, Iterator[Image.Image]] = {
        **{f"pen digits, {brush} px": sketches_of(pens.drawings, brush) for brush in BRUSHES},
        "other styles of digits": sketches_of(styles.digits(EACH, random)[0]),
        "blank sheets": (Image.new("L", (280, 280), grey) for grey in range(256)),
        "dots": (wandering(random, 4, 2) for _ in range(EACH)),
        "smears": (wandering(random, 2, 14) for _ in range(EACH)),
        "small scrawls": (wandering(random, 12, 8) for _ in range(EACH)),
        "scribbles": sketches_of([styles._scribble(random, []) for _ in range(EACH)]),
        "letters, written": sketches_of([styles._letter(random, []) for _ in range(EACH)]),
        "letters, printed": (printed(random) for _ in range(EACH)),
        "two digits side by side, 12 px": sketches_of([side_by_side(random, pens.drawings) for _ in range(EACH)], 12),
    }
    print(f"writers {', '.join(map(str, arguments.writers))}; refused: confidence up to {PROBABLE:.0%}, or too small\n")
    print("| sketches | count | no digit | by confidence alone | sure of a digit |\n| --- | --- | --- | --- | --- |")
    rows = []
    for name, sketches in sets.items():
        count, by_rule, by_confidence, sure = refused(sketches)
        print(f"| {name} | {count:,} | {by_rule:.1%} | {by_confidence:.1%} | {sure:.1%} |", flush=True)
        rows.append(RefusalRow(name, count, by_rule, sure))
    if arguments.write:
        files = {path.name: sha256(path) for path in sorted(ONNX.glob("*-sketch.onnx"))}
        Refusals(files, rows).save(ONNX / REFUSALS)


if __name__ == "__main__":
    main()
