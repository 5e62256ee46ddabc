"""python -m tests.benchmarks writers --data DIR: errors before and after the page has learned a writer's forms.

Plays the held-out writers of Pendigits and UJI one by one. Each writes in random order; a digit that is misread is
corrected, and the page learns its form. Later errors are those of a digit that the writer has corrected before; they
count for writers who are misread at least twice. Newly passing letters are those that the networks refuse and the
writer's forms read as digits. --scale tries other distances than the page's. --validation takes the writers for
development. --hands also lets each writer write with that many other slants, turns and widths, for more errors.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demo.networks.classifier import Classifier, load
from demo.sketchpad import HERE
from model import folders, letters, pendigits, ujipen
from model.draw import Drawing
from model.pendigits import Pens
from tests.demo.people import drawn, written

LETTERS = 1_000
ORDERS = 10  # random orders in which each writer's digits are played
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5)
WINDOW, STEP = 3, 2  # pixels, as in learning.js


@dataclass(frozen=True)
class Read:
    """What reader.onnx reads in drawings of one piece of ink."""

    digits: np.ndarray
    """int [count]; -1 where the ink is no digit."""
    sure: np.ndarray
    """bool [count]"""
    forms: np.ndarray
    """What learning.js compares, float32 [count, values]. The distance of two is 1 minus half their product."""


def read(drawings: list[Drawing], classifier: Classifier) -> Read:
    """Draw on the page's paper and read. Of several pieces of ink, the one with most ink counts."""
    pieces = []
    for drawing in drawings:
        digits = classifier.classify(np.asarray(drawn(written([drawing]))), with_fc6=True).digits
        pieces.append(max(digits, key=lambda piece: float(piece.image.sum())))
    forms = [form(piece.image, piece.fc6) for piece in pieces if piece.fc6 is not None]
    answers = [-1 if piece.digit is None else piece.digit for piece in pieces]
    return Read(np.array(answers), np.array([piece.sure for piece in pieces]), np.array(forms))


def form(image: np.ndarray, fc6: np.ndarray) -> np.ndarray:
    """What learning.js compares of an image, float32 [28, 28], and its values of FC6, float32 [84]."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW))[::STEP, ::STEP].sum(axis=(2, 3))
    parts = [values.ravel() / max(float(np.linalg.norm(values)), 1e-6) for values in (windows, fc6)]
    return np.concatenate(parts).astype(np.float32)


def page_distances() -> tuple[float, float]:
    """How close ink must be to a form on the page: ink that the networks are sure of, and other ink."""
    script = (HERE / "learning.js").read_text(encoding="utf-8")
    found = re.search(r"\[CLOSE, CLOSE_IF_UNSURE\] = \[([\d.]+), ([\d.]+)\]", script)
    assert found, "learning.js has the distances"
    return float(found[1]), float(found[2])


@dataclass
class Tally:
    """What became of the digits and letters of some writers."""

    writers: int = 0
    before: float = 0
    after: float = 0
    later: int = 0
    """Later errors of the networks alone, by writers who are misread at least twice."""
    gone: int = 0
    right: float = 0
    broken: float = 0
    """Right answers turned wrong."""
    refused: int = 0
    """Letters that the networks refuse, once for each order and writer with forms."""
    passing: int = 0

    def __str__(self) -> str:
        return (
            f"{self.before:.1f} | {self.after:.1f} | {self.gone / max(self.later, 1):.0%} of {self.later / ORDERS:.1f} "
            f"| {self.broken / max(self.right, 1):.2%} | {self.passing / max(self.refused, 1):.2%}"
        )


def play(writer: Read, labels: np.ndarray, others: Read, close: tuple[float, float], tally: Tally) -> None:
    """Let one writer write and correct, in ORDERS random orders. Adds the mean over the orders to `tally`."""
    random = np.random.default_rng(0)
    wrong = writer.digits != labels
    tally.writers += 1
    tally.right += (~wrong).sum()
    tally.before += wrong.sum()
    if not wrong.any():
        return
    distances = 1 - writer.forms @ writer.forms.T / 2
    limits = np.where(writer.sure, *close)
    refused = others.digits < 0
    for _ in range(ORDERS):
        learned: list[int] = []
        for i in random.permutation(len(labels)):
            answer = writer.digits[i]
            if learned:
                nearest = min(reversed(learned), key=lambda form: distances[i, form])
                if distances[i, nearest] <= limits[i]:
                    answer = labels[nearest]
            is_wrong = answer != labels[i]
            tally.after += is_wrong / ORDERS
            if not wrong[i]:
                tally.broken += is_wrong / ORDERS
            elif wrong.sum() >= 2 and labels[i] in labels[learned]:
                tally.later += 1
                tally.gone += not is_wrong
            if is_wrong:
                learned.append(i)
        to_letters = (1 - others.forms[refused] @ writer.forms[learned].T / 2).min(axis=1)
        tally.refused += refused.sum()
        tally.passing += (to_letters <= np.where(others.sure[refused], *close)).sum()


def hands(count: int) -> Iterator[np.ndarray]:
    """The writers' own hand, and `count` others: matrices that slant, turn and widen, float [2, 2]."""
    random = np.random.default_rng(0)
    yield np.eye(2)
    for _ in range(count):
        slant, turn, width = random.uniform(-0.7, 0.7), np.radians(random.uniform(-22, 22)), random.uniform(-0.5, 0.5)
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        yield turned @ [[1, slant], [0, 1]] @ np.diag([np.exp(width), 1])


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--validation", action="store_true", help="the writers for development")
    parser.add_argument("--each", type=int, default=25, help="digits of each kind by each writer, at most")
    parser.add_argument("--hands", type=int, default=0, metavar="N", help="also let each write with N other hands")
    parser.add_argument("--scale", type=float, nargs="+", default=SCALES, help="multiples of the page's distances")
    arguments = parser.parse_args()
    data = folders.checked(arguments.data)
    held_out = [
        (each.VALIDATION_WRITERS if arguments.validation else each.TEST_WRITERS) for each in (pendigits, ujipen)
    ]
    groups = {
        "Pendigits": pendigits.load(data).by(*held_out[0]),
        "UJI": ujipen.load(data).digits.by(*held_out[1]),
    }
    classifier = load("cpu")
    pens = groups["Pendigits"]
    drawings = letters.letters(LETTERS, np.random.default_rng(0), pens.drawings, pens.labels)
    others = read(drawings, classifier)
    close = page_distances()
    totals = {scale: Tally() for scale in arguments.scale}
    print("| writer | errors | with learning | later errors gone | right turned wrong | letters newly passing |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, group in groups.items():
        for number in np.unique(group.writers).tolist():
            chosen = first_of_each(group.by(number), arguments.each)
            alone = Tally()
            for hand in hands(arguments.hands):
                writer = read([[stroke @ hand.T for stroke in drawing] for drawing in chosen.drawings], classifier)
                for scale, total in totals.items():
                    play(writer, chosen.labels, others, (scale * close[0], scale * close[1]), total)
                play(writer, chosen.labels, others, close, alone)
            print(f"| {name} {number} | {alone} |", flush=True)
    for scale, total in totals.items():
        print(f"| all, distances {scale * close[0]:.3f} and {scale * close[1]:.3f} | {total} |")


def first_of_each(pens: Pens, count: int) -> Pens:
    """The first `count` of each digit."""
    kept = np.concatenate([np.flatnonzero(pens.labels == digit)[:count] for digit in range(10)])
    return Pens([pens.drawings[i] for i in kept], pens.labels[kept], pens.writers[kept])


if __name__ == "__main__":
    main()
