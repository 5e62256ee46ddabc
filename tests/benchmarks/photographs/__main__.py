"""python -m tests.benchmarks photographs [--data DIR] [--onnx DIR]: how simulated photographs of digits are read.

They are scaled as the demo scales picture files. Prints for each kind of photograph the share of digits that are read
right, read wrong and refused: by each network, and by both with the page's rule, which refuses a digit if no mean
probability exceeds one half.
"""

import argparse
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from demo.networks.classifier import PROBABLE, Answer, load
from demo.networks.files import NETWORKS, ONNX
from demo.networks.images import read_image
from model import folders
from tests.benchmarks.photographs.digits import written
from tests.benchmarks.photographs.kinds import KINDS, photographs

SHOWN = 24  # photographs of a kind on a contact sheet


def verdicts(probabilities: np.ndarray) -> np.ndarray:
    """The digit that `probabilities`, [..., 10], give, or -1 if none exceeds PROBABLE."""
    return np.where(probabilities.max(axis=-1) > PROBABLE, probabilities.argmax(axis=-1), -1)


def as_the_demo_reads(picture: np.ndarray) -> np.ndarray:
    """The sketch that the page and /predict make of a file with this picture."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "BMP")
    return read_image(file.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folders.add_option(parser)
    parser.add_argument("--onnx", type=Path, default=ONNX, help="folder with the ONNX files")
    parser.add_argument("--count", type=int, default=200, help="digits of each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, metavar="KIND")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write a contact sheet of each kind there")
    arguments = parser.parse_args()
    classifier = load("cpu", arguments.onnx)
    drawings, labels = written(arguments.count, folders.checked(arguments.data))
    print(f"{len(labels)} digits; % right, wrong, refused\n")
    print(f"{'':24}{'both':^18}{'LeNet5':^18}{'FFNN':^18}")
    kinds = []
    for kind in arguments.kinds:
        pictures = photographs(kind, drawings, np.random.default_rng(0))
        answers = [classifier.classify(as_the_demo_reads(picture)) for picture in pictures]
        probabilities = [[answer.mean, *(answer.probabilities[name] for name in NETWORKS)] for answer in answers]
        kinds.append(verdicts(np.array(probabilities)))
        print(f"{kind:24}{_shares(kinds[-1], labels)}", flush=True)
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet(pictures, answers, labels)
            sheet.save(arguments.pictures / f"{kind.replace(', ', '-').replace(' ', '-')}.png")
    print(f"{'mean':24}{_shares(np.concatenate(kinds), np.tile(labels, len(kinds)))}")


def _shares(read: np.ndarray, labels: np.ndarray) -> str:
    """Format the shares of right, wrong and refused digits in each column of `read`, [count, columns]."""
    right, refused = read == labels[:, None], read < 0
    shares = np.stack([right, ~right & ~refused, refused], axis=-1).mean(axis=0)
    return "".join(f"{100 * share:6.1f}" for share in shares.ravel())


def contact_sheet(pictures: list[np.ndarray], answers: list[Answer], labels: np.ndarray) -> Image.Image:
    """Photographs from both sources, what the networks see of each, and a frame: right, wrong or refused."""
    side, columns = 240, 6
    sheet = Image.new("RGB", (columns * side, -(-SHOWN // columns) * side), "white")
    for place, index in enumerate(np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).astype(int)):
        answer = answers[index]
        colour = "green" if answer.digit == labels[index] else "grey" if answer.digit is None else "red"
        tile = Image.new("RGB", (side - 4, side - 4), colour)
        tile.paste("beige", (4, 4, side - 8, side - 8))
        tile.paste(ImageOps.contain(Image.fromarray(pictures[index]), (side - 12, side - 12)), (4, 4))
        seen = Image.fromarray((255 * (1 - answer.image)).astype(np.uint8)).resize((56, 56), Image.Resampling.NEAREST)
        tile.paste(seen, (side - 64, side - 64))
        sheet.paste(tile, (place % columns * side, place // columns * side))
    return sheet


if __name__ == "__main__":
    main()
