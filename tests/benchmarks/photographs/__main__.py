"""python -m tests.benchmarks photographs [--data DIR] [--onnx DIR]: how simulated photographs of digits are read.

They are scaled as the demo scales picture files. Prints for each kind of photograph the share of those that are read as
their digit and nothing else, of those that are read wrong, and of those in which no digit is read. With --pages, pages
of five numbers are photographed; it prints the share of pages that are read exactly, and of their digits. With --pages
0.45 the numbers fill less than half of the page's sides, as most people write, and 0.22 is small handwriting.
"""

import argparse
from difflib import SequenceMatcher
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from demo.networks.classifier import Answer, Classifier, load
from demo.networks.files import ONNX
from demo.networks.images import read_image
from model import folders
from tests.benchmarks.photographs.digits import pages, written
from tests.benchmarks.photographs.kinds import KINDS, photographs

SHOWN = 24  # photographs of a kind on a contact sheet
COLOURS = {"right": "green", "wrong": "red", "refused": "grey"}


def verdict(number: str, label: int) -> str:
    """Tell whether the `number` that was read is right, wrong or refused."""
    if number == str(label):
        return "right"
    return "wrong" if any(character.isdigit() for character in number) else "refused"


def as_the_demo_reads(picture: np.ndarray) -> np.ndarray:
    """The sketch that the page and /predict make of a file with this picture."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "BMP")
    return read_image(file.getvalue()).pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folders.add_option(parser)
    parser.add_argument("--onnx", type=Path, default=ONNX, help="folder with the ONNX files")
    parser.add_argument("--count", type=int, default=200, help="digits of each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, metavar="KIND")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write a contact sheet of each kind there")
    parser.add_argument(
        "--pages",
        type=float,
        nargs="?",
        const=1.0,
        metavar="SHARE",
        help="photograph a tenth as many pages of numbers, which fill this share of the sheet's sides; default: 1",
    )
    arguments = parser.parse_args()
    classifier = load("cpu", arguments.onnx)
    if arguments.pages:
        return read_pages(classifier, arguments)
    drawings, labels = written(arguments.count, folders.checked(arguments.data))
    print(f"{len(labels)} digits; % right, wrong, refused\n")
    kinds = []
    for kind in arguments.kinds:
        pictures = photographs(kind, drawings, np.random.default_rng(0))
        answers = [classifier.classify(as_the_demo_reads(picture)) for picture in pictures]
        kinds.append([verdict(answer.number, label) for answer, label in zip(answers, labels, strict=True)])
        print(f"{kind:24}{_shares(kinds[-1])}", flush=True)
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet(pictures, answers, labels)
            sheet.save(arguments.pictures / f"{kind.replace(', ', '-').replace(' ', '-')}.png")
    print(f"{'mean':24}{_shares([each for kind in kinds for each in kind])}")


def read_pages(classifier: Classifier, arguments: argparse.Namespace) -> None:
    """Print which pages, and which of their digits, are read in each kind of photograph."""
    drawings, texts = pages(arguments.count // 10, folders.checked(arguments.data), share=arguments.pages)
    print(f"{len(texts)} pages; % of pages and of digits right\n")
    shares = []
    for kind in arguments.kinds:
        pictures = photographs(kind, drawings, np.random.default_rng(0))
        numbers = [classifier.classify(as_the_demo_reads(picture)).number for picture in pictures]
        exact = sum(number == text for number, text in zip(numbers, texts, strict=True)) / len(texts)
        digits = sum(map(_in_common, numbers, texts)) / sum(map(len, texts))
        shares.append((100 * exact, 100 * digits))
        print(f"{kind:24}{shares[-1][0]:6.1f}{shares[-1][1]:6.1f}", flush=True)
    print("{:24}{:6.1f}{:6.1f}".format("mean", *np.mean(shares, axis=0)))


def _in_common(one: str, other: str) -> int:
    """How many characters two texts have in common, in the same order."""
    return sum(block.size for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks())


def _shares(verdicts: list[str]) -> str:
    """Format the shares of COLOURS in `verdicts`."""
    return "".join(f"{100 * verdicts.count(each) / len(verdicts):6.1f}" for each in COLOURS)


def contact_sheet(pictures: list[np.ndarray], answers: list[Answer], labels: np.ndarray) -> Image.Image:
    """Photographs from both sources, what the networks see of each, and a frame of its colour in COLOURS."""
    side, columns = 240, 6
    sheet = Image.new("RGB", (columns * side, -(-SHOWN // columns) * side), "white")
    for place, index in enumerate(np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).astype(int)):
        answer = answers[index]
        tile = Image.new("RGB", (side - 4, side - 4), COLOURS[verdict(answer.number, labels[index])])
        tile.paste("beige", (4, 4, side - 8, side - 8))
        tile.paste(ImageOps.contain(Image.fromarray(pictures[index]), (side - 12, side - 12)), (4, 4))
        for piece in answer.digits[:1]:
            seen = Image.fromarray((255 * (1 - piece.image)).astype(np.uint8))
            tile.paste(seen.resize((56, 56), Image.Resampling.NEAREST), (side - 64, side - 64))
        sheet.paste(tile, (place % columns * side, place // columns * side))
    return sheet


if __name__ == "__main__":
    main()
