"""python -m tests.benchmarks strings --data DIR: numbers composed of digits by writers whom no training saw.

Numbers stand apart, reach over each other, or touch; pens are thin to thick; pages hold several lines. The columns are
shares of numbers and of digits that are read right. "alone" are the numbers whose digits are each read right when they
are written alone, in the same size and with the same pen; "together" is the share of these that is read right as a
number. Some numbers are underlined, framed, circled, on canvases or in the boxes of a form, some sheets are turned, or
another digit stands far away. Then come sheets that hold no number, with the share on which any digit is read.

--validation takes the writers for choosing; the default is the held-out writers.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw

from demo.networks.files import ONNX
from model import folders, pendigits, styles, ujipen
from model.draw import Drawing
from model.folders import Folders
from model.pendigits import Pens
from model.reader.judging import is_read

COUNT = 300  # numbers of each kind
PENS = 0.03, 0.14  # width as a share of the digits' height
THIN_PENS = 0.012, 0.03  # the same, for a ballpoint pen or a hard pencil
SHEETS = (280, 280), (280, 560), (200, 600), (480, 640)  # height and width of a sheet for one line, in pixels
PAGES = (280, 560), (600, 800)  # of a sheet for more
KINDS = {"apart": (0.08, 0.5), "overlapping": (0.03, 0.15), "touching": (-0.6, -0.1), "abutting": (-0.9, -0.4)}
"""How digits follow each other. Apart: the gap between their ink's left and right ends, as a share of their height.
Overlapping: the least distance of their ink, as a share of their height. Touching: the same, in widths of the pen.
Abutting: the gap between their ink's ends, in widths of the pen, so that most of them touch."""

Read = Callable[[np.ndarray], str]


@dataclass(frozen=True)
class Sheet:
    """A sheet with numbers on it."""

    sketch: np.ndarray
    """Black on white, uint8 [height, width]."""
    text: str
    """The digits, lines separated by newlines."""
    size: float
    """Height of its digits in pixels."""
    alone: list[np.ndarray]
    """Each digit on a sheet of its own, in the same size and with the same pen."""


def sheets(
    kind: str,
    lengths: tuple[int, int],
    lines: int,
    count: int,
    hands: list[Pens],
    pens: tuple[float, float] = PENS,
) -> Iterator[Sheet]:
    """Write `count` sheets with `lines` numbers of `lengths` digits each, by one of the `hands` and `pens`."""
    random = np.random.default_rng(abs(hash_of(kind, lengths, lines)))
    for _ in range(count):
        hand = hands[random.integers(len(hands))]
        chosen = [int(random.integers(lengths[0], lengths[1] + 1)) for _ in range(lines)]
        yield sheet(kind, chosen, hand, random, pens=pens)


def hash_of(*names: object) -> int:
    return int.from_bytes(str(names).encode(), "little") % 2**32


def sheet(
    kind: str,
    lengths: list[int],
    hand: Pens,
    random: np.random.Generator,
    sizes: Sequence[tuple[int, int]] | None = None,
    pens: tuple[float, float] = PENS,
) -> Sheet:
    """Write a number of each of `lengths` under each other, on a sheet of one of `sizes`, with one of `pens`."""
    pen = float(np.exp(random.uniform(*np.log(pens))))
    slant = float(np.clip(random.normal(0.05, 0.12), -0.2, 0.4))
    even = random.uniform(0, 0.08)
    written: list[list[Drawing]] = []
    text = []
    drop = 0.0
    for length in lengths:
        chosen = random.integers(len(hand.labels), size=length)
        text.append("".join(str(hand.labels[index]) for index in chosen))
        digits = [_scaled(hand.drawings[index], even, slant, random) for index in chosen]
        line = _in_a_row(digits, kind, pen, random)
        lean = random.normal(0, 0.02)
        indent = random.uniform(0, 0.4)
        line = [[s + [indent, drop] + s[:, :1] * [0, lean] for s in drawing] for drawing in line]
        written.append(line)
        drop += 1 + pen + random.uniform(0.25, 0.7)
    drawings = [drawing for line in written for drawing in line]
    points = np.concatenate([stroke for drawing in drawings for stroke in drawing])
    low, high = points.min(axis=0) - pen / 2, points.max(axis=0) + pen / 2
    sizes = sizes or (SHEETS if len(lengths) == 1 else PAGES)
    height, width = sizes[int(random.integers(len(sizes)))]
    scale = random.uniform(0.6, 0.93) * min(width / (high - low)[0], height / (high - low)[1])
    scale = min(scale, 0.8 * height)
    free = np.array([width, height]) - scale * (high - low)
    offset = free * random.uniform(0.1, 0.9, 2) - scale * low
    brush = max(scale * pen, 1.5)
    sketch = _ink(drawings, scale, offset, brush, (height, width))
    alone = [_alone(drawing, scale, brush) for drawing in drawings]
    return Sheet(sketch, "\n".join(text), scale, alone)


def _scaled(drawing: Drawing, even: float, slant: float, random: np.random.Generator) -> Drawing:
    """Scale to a height of about 1, standing on y = 1, and slant."""
    points = np.concatenate(drawing)
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    scale = np.exp(random.normal(0, even)) / max(size[1], 0.7 * size[0], 1e-6)
    base = 1 - size[1] * scale + random.normal(0, even)
    scaled = [(stroke - low) * scale for stroke in drawing]
    return [np.stack([s[:, 0] - slant * (s[:, 1] - 1), s[:, 1] + base], axis=1) for s in scaled]


def _in_a_row(digits: list[Drawing], kind: str, pen: float, random: np.random.Generator) -> list[Drawing]:
    row = [digits[0]]
    for digit in digits[1:]:
        ends = max(stroke[:, 0].max() for stroke in row[-1]) - min(stroke[:, 0].min() for stroke in digit)
        space = random.uniform(*KINDS[kind])
        if kind in ("apart", "abutting"):
            row.append(_moved(digit, ends + pen + space * (1 if kind == "apart" else pen)))
            continue
        distance = pen * (1 + space) if kind == "touching" else pen + space
        before, after = _dense([s for drawing in row[-2:] for s in drawing]), _dense(digit)
        for step in range(150):  # from the right, until the ink is as near as that
            right = ends + 1.5 - step / 60
            if np.hypot(*(before[:, None] - after[None] - [right, 0]).transpose(2, 0, 1)).min() < distance:
                break
        row.append(_moved(digit, right))
    return row


def _moved(drawing: Drawing, right: float) -> Drawing:
    return [stroke + np.array([right, 0]) for stroke in drawing]


def _dense(drawing: Drawing) -> np.ndarray:
    """Points on the strokes, at most 1/30 apart."""
    parts = []
    for stroke in drawing:
        lengths = np.r_[0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))]
        at = np.linspace(0, lengths[-1], 2 + int(30 * lengths[-1]))
        parts.append(np.stack([np.interp(at, lengths, stroke[:, axis]) for axis in (0, 1)], axis=1))
    return np.concatenate(parts)


def _ink(drawings: list[Drawing], scale: float, offset: np.ndarray, brush: float, size: tuple[int, int]) -> np.ndarray:
    fine = 2  # the ink is drawn twice as large, so that its edges are grey
    sketch = Image.new("L", (fine * size[1], fine * size[0]), 255)
    pen = ImageDraw.Draw(sketch)
    for drawing in drawings:
        for stroke in drawing:
            path = [(x, y) for x, y in (fine * (stroke * scale + offset)).tolist()]
            pen.line(path, fill=0, width=round(fine * brush), joint="curve")
            for x, y in (path[0], path[-1]):
                pen.circle((x, y), fine * brush / 2, fill=0)
    return np.asarray(sketch.resize((size[1], size[0]), Image.Resampling.BOX))


def _alone(drawing: Drawing, scale: float, brush: float) -> np.ndarray:
    points = np.concatenate(drawing) * scale
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(int(1.5 * (high - low).max() + 2 * brush), 16)
    return _ink([drawing], scale, side / 2 - (low + high) / 2, brush, (side, side))


def _drawn_around(each: Sheet, add: Callable[[ImageDraw.ImageDraw, np.ndarray, float], None]) -> Sheet:
    """Widen the sheet, and `add` something to what is in a box: left, top, right, bottom."""
    wide = np.pad(each.sketch, int(each.size), constant_values=255)
    y, x = np.nonzero(wide < 128)
    picture = Image.fromarray(wide)
    add(ImageDraw.Draw(picture), np.array([x.min(), y.min(), x.max(), y.max()]), each.size)
    return replace(each, sketch=np.asarray(picture))


def underlined(each: Sheet) -> Sheet:
    def add(pen: ImageDraw.ImageDraw, box: np.ndarray, size: float) -> None:
        left, _, right, bottom = box
        ends = left - 0.1 * size, bottom + 0.15 * size, right + 0.1 * size, bottom + 0.18 * size
        pen.line(ends, fill=0, width=max(2, round(0.07 * size)))

    return _drawn_around(each, add)


def framed(each: Sheet) -> Sheet:
    def add(pen: ImageDraw.ImageDraw, box: np.ndarray, size: float) -> None:
        around = box + 0.2 * size * np.array([-1, -1, 1, 1])
        pen.rectangle(tuple(around.tolist()), outline=0, width=max(2, round(0.05 * size)))

    return _drawn_around(each, add)


def circled(each: Sheet) -> Sheet:
    def add(pen: ImageDraw.ImageDraw, box: np.ndarray, size: float) -> None:
        middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        radius = half * 2**0.5 + 0.12 * size
        pen.ellipse((*(middle - radius), *(middle + radius)), outline=0, width=max(2, round(0.05 * size)))

    return _drawn_around(replace(each, sketch=np.pad(each.sketch, int(each.size), constant_values=255)), add)


def turned(each: Sheet) -> Sheet:
    """Turned by 10 degrees."""
    turned = Image.fromarray(each.sketch).rotate(10, Image.Resampling.BILINEAR, expand=True, fillcolor=255)
    return replace(each, sketch=np.asarray(turned))


def with_another(each: Sheet) -> Sheet:
    """With its first digit once more, far below on the right."""
    other = each.alone[0]
    (height, width), (high, wide) = each.sketch.shape, other.shape
    sketch = np.full((height + 2 * high, width + 2 * wide), 255, np.uint8)
    sketch[:height, :width] = each.sketch
    sketch[-high:, -wide:] = other
    return replace(each, sketch=sketch, text=f"{each.text}\n{each.text[0]}")


def on_canvases(each: Sheet) -> Sheet:
    """Each digit light on a dark canvas of its own, all of them on a light page."""
    side, gap = 84, 12
    canvases = [255 - np.asarray(Image.fromarray(alone).resize((side, side))) for alone in each.alone]
    row = np.concatenate([np.pad(canvas, gap, constant_values=255) for canvas in canvases], axis=1)
    return replace(each, sketch=np.pad(row, gap, constant_values=255))


def in_a_form(each: Sheet) -> Sheet:
    """Each digit in a printed box, on paper that is lit from one side. Some boxes stand apart."""
    random = np.random.default_rng(int(each.sketch.sum()))
    side, line = 84, int(random.integers(1, 4))
    gap = int(random.integers(2) * random.integers(4, 16))
    boxes = [np.asarray(Image.fromarray(alone).resize((side, side))) for alone in each.alone]
    row = np.concatenate([np.pad(box, gap, constant_values=255) for box in boxes], axis=1)
    picture = Image.fromarray(np.pad(row, side, constant_values=255))
    pen, grey = ImageDraw.Draw(picture), int(random.integers(0, 180))
    for left in range(side + gap, side + row.shape[1], side + 2 * gap):
        pen.rectangle((left, side + gap, left + side, 2 * side + gap), outline=grey, width=line)
    written = np.pad(row, side, constant_values=255)
    light = np.linspace(235, 200, written.shape[1]) / 255
    sketch = light * np.minimum(np.asarray(picture), 0.8 * written + 51)
    return replace(each, sketch=sketch.astype(np.uint8))


def words(letters: list[Drawing], count: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Words of 3 to 8 letters."""
    for _ in range(count):
        chosen = random.integers(len(letters), size=random.integers(3, 9))
        hand = Pens([letters[index] for index in chosen], np.zeros(len(chosen), np.uint8), np.zeros(len(chosen)))
        yield sheet("apart", [len(chosen)], hand, random).sketch


def text(random: np.random.Generator, letters: list[Drawing]) -> np.ndarray:
    """A page of text."""
    hand = Pens(letters, np.zeros(len(letters), np.uint8), np.zeros(len(letters)))
    return sheet("apart", [int(n) for n in random.integers(6, 14, random.integers(4, 8))], hand, random).sketch


def noise(random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 256, (400, 400), np.uint8)


def specks(random: np.random.Generator) -> np.ndarray:
    """A thousand specks."""
    sketch = np.full((600, 800), 255, np.uint8)
    sketch[random.integers(0, 600, 1_000), random.integers(0, 800, 1_000)] = 0
    return sketch


def squares(random: np.random.Generator) -> np.ndarray:
    """Black and white squares, as in a QR code."""
    return np.pad(255 * random.integers(0, 2, (25, 25), np.uint8), 4, constant_values=255).repeat(10, 0).repeat(10, 1)


def without_numbers(count: int, random: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Sheets that hold no number, by name."""
    one: Pens = Pens([], np.zeros(1, np.uint8), np.zeros(1))

    def drawn(make: Callable[[], Drawing]) -> list[np.ndarray]:
        return [sheet("apart", [1], one._replace(drawings=[make()]), random).sketch for _ in range(count)]

    letters = [styles._letter(random, []) for _ in range(400)]
    house = styles.strokes_of(styles.SIGNS["house"])
    return {
        "words": list(words(letters, count, random)),
        "pages of text": [text(random, letters) for _ in range(count // 5)],
        "scribbles": drawn(lambda: styles._scribble(random, [])),
        "houses": drawn(lambda: [*styles.written(house, random), *_house(random)]),
        "noise": [noise(random) for _ in range(count // 20)],
        "a thousand specks": [specks(random) for _ in range(count // 20)],
        "black and white squares": [squares(random) for _ in range(count // 20)],
    }


def _house(random: np.random.Generator) -> Drawing:
    """The door and the window of a house."""
    left, width = random.uniform(0.2, 0.35), random.uniform(0.12, 0.2)
    door = np.array([[left, 0.98], [left, 0.6], [left + width, 0.6], [left + width, 0.98]])
    side, x, y = random.uniform(0.12, 0.2), random.uniform(0.55, 0.65), random.uniform(0.5, 0.65)
    window = np.array([[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]) * side + [x, y]
    return [door, window]


def hands_of(data: Folders, validation: bool) -> list[Pens]:
    """The digits of each writer whom no training saw."""
    pens, uji = pendigits.load(data), ujipen.load(data).digits
    if validation:
        written = [(pens, pendigits.VALIDATION_WRITERS), (uji, ujipen.VALIDATION_WRITERS)]
    else:
        written = [(pens, pendigits.TEST_WRITERS), (uji, ujipen.TEST_WRITERS)]
    # Pendigits' writers wrote a dozen times as much as UJI's: each set gives half of the sheets
    hands = [[digits.by(writer) for writer in writers] for digits, writers in written]
    return [hand for group in hands for hand in group * (len(max(hands, key=len)) // len(group) + 1)]


def reader(path: Path) -> Read:
    """Read sheets with the graph in `path`: the digits of each line, "?" for ink that is none."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def read(sketch: np.ndarray) -> str:
        digits, lines = session.run(["digits", "line"], {"sketch": sketch[None]})
        return as_text(digits[0], lines[0])

    return read


def as_text(digits: np.ndarray, lines: np.ndarray) -> str:
    """Digits in their lines; "?" for ink that is no digit."""
    rows: dict[int, str] = {}
    for digit, line in zip(digits.tolist(), lines.tolist(), strict=True):
        if digit != -2:
            rows[line] = rows.get(line, "") + (str(digit) if digit >= 0 else "?")
    return "\n".join(rows.values())


def edits(found: str, written: str) -> int:
    """The least number of characters to insert, delete or replace."""
    row = list(range(len(written) + 1))
    for i, mine in enumerate(found, 1):
        before, row[0] = row[0], i
        for j, theirs in enumerate(written, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (mine != theirs))
    return row[-1]


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--reader", type=Path, default=ONNX / "reader.onnx")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--count", type=int, default=COUNT)
    arguments = parser.parse_args()
    measure(
        reader(arguments.reader),
        hands_of(folders.checked(arguments.data), arguments.validation),
        arguments.count,
    )


def measure(read: Read, hands: list[Pens], count: int) -> None:
    networks = [
        onnxruntime.InferenceSession(ONNX / f"{name}-sketch.onnx", providers=["CPUExecutionProvider"])
        for name in ("lenet5", "ffnn")
    ]

    def alone_is(sketch: np.ndarray) -> str:
        answers = [network.run(["probabilities"], {"sketch": sketch[None]})[0][0] for network in networks]
        mean = np.mean(answers, axis=0)
        return str(mean.argmax()) if is_read(mean) else "?"

    kinds = [(f"{kind}, 2 to 6", kind, (2, 6), 1) for kind in KINDS]
    rows = [("one digit", "apart", (1, 1), 1), *kinds, ("apart, 7 and 8", "apart", (7, 8), 1)]
    rows += [(f"{kind}, {lines} lines", kind, (1, 6), lines) for kind in ("apart", "overlapping") for lines in (2, 3)]
    as_written: list[tuple[str, str, tuple[int, int], int, Callable[[Sheet], Sheet], tuple[float, float]]] = [
        (*row, lambda each: each, PENS) for row in rows
    ]
    as_written += [
        (f"{kind}, thin pen", kind, (2, 6), 1, lambda each: each, THIN_PENS) for kind in ("apart", "overlapping")
    ]
    as_written += [
        ("underlined", "apart", (1, 4), 1, underlined, PENS),
        ("in a frame", "apart", (1, 4), 1, framed, PENS),
        ("in a circle", "apart", (1, 4), 1, circled, PENS),
        ("on canvases", "apart", (1, 6), 1, on_canvases, PENS),
        ("in a form", "apart", (2, 6), 1, in_a_form, PENS),
        ("turned by 10 degrees", "apart", (4, 6), 3, turned, PENS),
        ("and a digit far away", "apart", (4, 6), 3, with_another, PENS),
    ]
    print("| numbers | count | right | digits | length | alone | together |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, kind, lengths, lines, change, pens in as_written:
        right, digits, length, alone = [], [], [], []
        for each in map(change, sheets(kind, lengths, lines, count, hands, pens)):
            found = read(each.sketch)
            right.append(found == each.text)
            digits.append(max(0.0, 1 - edits(found, each.text) / len(each.text)))
            length.append(len(found) == len(each.text))
            alone.append(each.text.replace("\n", "").startswith("".join(map(alone_is, each.alone))))
        together = np.mean(np.array(right)[alone]) if any(alone) else 0
        print(
            f"| {name} | {count:,} | {np.mean(right):.1%} | {np.mean(digits):.1%} | {np.mean(length):.1%} | "
            f"{np.mean(alone):.1%} | {together:.1%} |",
            flush=True,
        )
    print("\n| sheets without a number | count | any digit read |\n| --- | --- | --- |")
    for name, empty in without_numbers(count, np.random.default_rng(0)).items():
        passed = np.mean([any(char in "0123456789" for char in read(sketch)) for sketch in empty])
        print(f"| {name} | {len(empty):,} | {passed:.1%} |", flush=True)


if __name__ == "__main__":
    main()
