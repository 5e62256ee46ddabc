"""python -m tests.benchmarks.photographs [--data DIR]: accuracy of the sketch graphs on photographed digits.

The photographs are simulated: 300 enlarged MNIST validation digits and 300 digits of the pen writers for validation are
placed anywhere on paper of a random grey, in ink of another grey, and then damaged like photographs.
"""

import argparse
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from export import ONNX
from export.measurements import CORES
from export.runtimes import onnx_runtime
from model import mnist, pendigits
from model.draw import draw
from model.pendigits import VALIDATION_WRITERS

COUNT = 300  # of each kind
DAMAGES: dict[str, dict[str, float]] = {
    "as drawn": {},
    "grain": {"grain": 8},
    "JPEG, quality 20": {"jpeg": 20},
    "light from one side": {"slope": 0.3},
    "dark corners": {"corners": 0.35},
    "soft shadow": {"shadow": 0.3},
    "all but shadow": {"slope": 0.25, "corners": 0.25, "grain": 5, "jpeg": 50},
    "all": {"slope": 0.25, "corners": 0.25, "shadow": 0.3, "grain": 5, "jpeg": 50},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with mnist.npz and pendigits-orig.tra; default: download")
    drawings, labels = drawn(parser.parse_args().data)
    print(f"{'':20} LeNet5    FFNN   % of {len(labels)} digits")
    for damage, amounts in DAMAGES.items():
        random = np.random.default_rng(0)
        photographs = [photograph(drawing, random, **amounts) for drawing in drawings]
        shares = []
        for name in ("lenet5", "ffnn"):
            with onnx_runtime(ONNX / f"{name}-sketch.onnx", CORES) as read:
                answers = [read(sketch[None])["probabilities"].argmax() for sketch in photographs]
            shares.append(100 * (np.array(answers) == labels).mean())
        print(f"{damage:20} {shares[0]:6.1f}  {shares[1]:6.1f}", flush=True)


def drawn(data: Path | None) -> tuple[list[np.ndarray], np.ndarray]:
    """Digits cropped to the ink, float [height, width], ink 1 on paper 0; and their labels."""
    random = np.random.default_rng(0)
    digits, _ = mnist.load(data)
    first = len(digits.labels) - 5_000
    chosen = first + random.choice(5_000, COUNT, replace=False)
    pictures = [Image.fromarray(digits.images[index]).resize((196, 196), Image.Resampling.BICUBIC) for index in chosen]
    pens = pendigits.load(data).by(*VALIDATION_WRITERS)
    written = random.choice(len(pens.labels), COUNT, replace=False)
    pictures += [draw(pens.drawings[index], random.uniform(10, 28), 180).point(lambda v: 255 - v) for index in written]
    labels = np.concatenate([digits.labels[chosen], pens.labels[written]])
    return [
        np.asarray(picture.crop(picture.point(lambda v: v > 50 and 255).getbbox())) / 255 for picture in pictures
    ], labels


def photograph(
    ink: np.ndarray,
    random: np.random.Generator,
    slope: float = 0,
    corners: float = 0,
    shadow: float = 0,
    grain: float = 0,
    jpeg: float = 0,
) -> np.ndarray:
    """A simulated photograph, uint8 [height, width].

    `slope`, `corners` and `shadow` are shares of the light, `grain` is in grey levels.
    """
    margins = (max(ink.shape) * random.uniform(0.15, 0.7, 4)).astype(int)
    ink = np.pad(ink, (margins[:2], margins[2:]))
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in ink.shape), indexing="ij")
    lamp, edge = random.uniform(0, 2 * np.pi, 2)
    light = 1 + slope * (np.cos(lamp) * x + np.sin(lamp) * y) - corners * (x * x + y * y) / 2
    light = light - shadow / (1 + np.exp(-(np.cos(edge) * x + np.sin(edge) * y - random.uniform(-0.5, 0.5)) / 0.1))
    paper, pen = random.uniform(150, 220), random.uniform(30, 90)
    level = (paper + (pen - paper) * ink) * light / light.max() + random.normal(0, grain, ink.shape)
    picture = level.clip(0, 255).astype(np.uint8)
    if not jpeg:
        return picture
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=int(jpeg))
    return np.asarray(Image.open(file))


if __name__ == "__main__":
    main()
