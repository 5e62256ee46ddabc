"""python -m tests.benchmarks refusal --data DIR: digits that the page refuses and non-digits that it accepts.

A drawing is refused if nothing in it is read as a digit. --writers 5 15 25 are the writers for choosing the rule; the
default is the held-out writers. --write stores the results for the model card.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from demo.networks.classifier import load
from demo.networks.files import ONNX
from export.contract import READER_FILE
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


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--writers", type=int, nargs="+", default=TEST_WRITERS)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    pens = pendigits.load(folders.checked(arguments.data)).by(*arguments.writers)
    random = np.random.default_rng(0)
    classifier = load("cpu")

    def refused(sketches: Iterator[Image.Image]) -> tuple[int, float, float]:
        rows = []
        for sketch in sketches:
            digits = classifier.classify(np.asarray(sketch)).digits
            rows.append((all(piece.digit is None for piece in digits), any(piece.sure for piece in digits)))
        share_refused, share_sure = np.mean(rows, axis=0)
        return len(rows), share_refused, share_sure

    sets: dict[str, Iterator[Image.Image]] = {
        **{f"pen digits, {brush} px": sketches_of(pens.drawings, brush) for brush in BRUSHES},
        "other styles of digits": sketches_of(styles.digits(EACH, random)[0]),
        "blank sheets": (Image.new("L", (280, 280), grey) for grey in range(256)),
        "dots": (wandering(random, 4, 2) for _ in range(EACH)),
        "smears": (wandering(random, 2, 14) for _ in range(EACH)),
        "small scrawls": (wandering(random, 12, 8) for _ in range(EACH)),
        "scribbles": sketches_of([styles._scribble(random, []) for _ in range(EACH)]),
        "letters, single-stroke fonts": sketches_of([styles._letter(random, []) for _ in range(EACH)]),
        "letters, printed": (printed(random) for _ in range(EACH)),
    }
    print(f"writers {', '.join(map(str, arguments.writers))}\n")
    print("| sketches | count | no digit | sure of a digit |\n| --- | --- | --- | --- |")
    rows = []
    for name, sketches in sets.items():
        count, share_refused, share_sure = refused(sketches)
        print(f"| {name} | {count:,} | {share_refused:.1%} | {share_sure:.1%} |", flush=True)
        rows.append(RefusalRow(name, count, share_refused, share_sure))
    if arguments.write:
        Refusals({READER_FILE: sha256(ONNX / READER_FILE)}, rows).save(ONNX / REFUSALS)


if __name__ == "__main__":
    main()
