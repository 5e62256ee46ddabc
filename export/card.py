"""The model card, written from what training and verification recorded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.convert import IMAGE_OPSET, SKETCH_OPSET, VERSION
from export.verify import TOLERANCE
from model.evaluate import percent

NOTEBOOK = {"lenet5": 0.9897, "ffnn": 0.9729}  # test accuracy of the teaching notebook whose recipe is `notebook`
TITLES = {"lenet5": "LeNet5", "ffnn": "FFNN"}


TRAINED_BY = {
    "best": """Recipe `best` trains on MNIST's training digits (Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0), less the
last 5,000, which validate; on the pen strokes of 24 of the 30 writers in the training part of UCI's Pendigits
(E. Alpaydin, F. Alimoglu; CC BY 4.0), drawn with many brushes; on digits in styles that neither holds enough of
(slashed 0, 1 with flag and foot, crossed 7, open and closed 4); and on letters, signs, scribbles and pairs of digits,
for which the right answer is ten equal probabilities. Three more writers validate and three are held out. Every image
is distorted anew in every epoch. The 30 writers were Turkish, and the other styles are European ones.""",
    "fast": """Recipe `fast` trains for a few epochs on MNIST's training digits (Y. LeCun, C. Cortes, C. Burges;
CC BY-SA 3.0), less the last 5,000, which validate. It knows nothing else: a 1 with a flag, a crossed 7 or a slashed 0
is often misread, and letters get confident answers.""",
    "notebook": """Recipe `notebook` is that of a 2021 teaching notebook, with the best epoch by validation loss kept.
It trains on MNIST's training digits (Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0), less the last 12,000, which
validate. It knows nothing else: a 1 with a flag, a crossed 7 or a slashed 0 is often misread, and letters get
confident answers.""",
}


@dataclass(frozen=True)
class Exported:
    """One network's files, each with `model.evaluate.score`'s result, and their largest difference from Keras."""

    story: dict[str, Any]
    files: dict[Path, dict[str, Any]]
    difference: float


def card(exported: list[Exported]) -> str:
    """README.md of a Hugging Face model repository."""
    files, training, reading = [], [], []
    for network in exported:
        story = network.story
        title = TITLES[story["network"]]
        for file, result in network.files.items():
            files.append(f"| `{file.name}` | {title} | {file.stat().st_size / 1e6:.2f} MB | {percent(result)} |")
        training.append(
            f"| {title} | {story['parameters']:,} | `{story['recipe']['name']}`, seed {story['seed']} | "
            f"{story['best_epoch']} of {story['epochs']} | {story['seconds'] / 60:.0f} minutes, {story['device']} |"
        )
        pens = ", ".join(f"{percent(result)} ({result['set']})" for result in story["pens"])
        reading.append(
            f"| {title} | {percent(story['test'])} | {NOTEBOOK[story['network']]:.2%} | {pens} | "
            f"{story['test']['calibration_error']:.2%} | {1 - story['refusal']['non_digits']:.0%} |"
        )
    largest = max(network.difference for network in exported)
    return TEMPLATE.format(
        files="\n".join(files),
        training="\n".join(training),
        reading="\n".join(reading),
        version=VERSION,
        image_opset=IMAGE_OPSET,
        sketch_opset=SKETCH_OPSET,
        tolerance=f"{TOLERANCE['probabilities']:.0e}",
        largest=f"{largest:.0e}",
        recipes="\n\n".join(TRAINED_BY[name] for name in sorted({n.story["recipe"]["name"] for n in exported})),
    )


TEMPLATE = """---
license: mit
library_name: onnx
pipeline_tag: image-classification
tags: [onnx, mnist, handwritten-digits, lenet]
datasets: [ylecun/mnist]
---

# Handwritten digits, from the drawn canvas to the probabilities

Two small networks that read one handwritten digit. The `-sketch` files need no preprocessing code: hand them the canvas
as it is. Version {version}.

| file | network | size | MNIST test accuracy |
| --- | --- | --- | --- |
{files}

± is one standard error over 10,000 digits. In the `-sketch` rows the test digits went through the normalization below
as if somebody had drawn them.

## Inputs and outputs

`lenet5-sketch.onnx` and `ffnn-sketch.onnx`, opset {sketch_opset}:

- input `sketch`: uint8 [batch, height, width], any canvas from 8 x 8 to 2048 x 2048, dark on light or light on dark
- output `image`: float32 [batch, 28, 28], what the network sees, ink up to 1 on paper 0
- output `probabilities`: float32 [batch, 10], of the digits 0 to 9

`lenet5.onnx` and `ffnn.onnx`, opset {image_opset}:

- input `image`: float32 [batch, 28, 28], ink 1 on paper 0, placed as MNIST places it
- output `probabilities`: float32 [batch, 10]

```python
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("lenet5-sketch.onnx")
sketch = np.full((1, 280, 280), 255, np.uint8)  # white paper
sketch[0, 60:220, 130:150] = 0  # a black stroke
image, probabilities = session.run(["image", "probabilities"], {{"sketch": sketch}})
print(probabilities.argmax())  # 1
```

**Normalization**, inside the `-sketch` files, is the one that made MNIST: the ink's bounding box is scaled to fit
20 x 20 pixels with its aspect kept, antialiased, and placed in 28 x 28 by its centre of mass. The paper is the mean of
the sketch's border. A blank sketch gives a blank image and ten probabilities of 0.1.

**Opsets** are the lowest in which each graph can be written: ONNX Runtime reads none below 7, and CumSum came with 11.

## Verification

Every file passed the ONNX checker and agrees with Keras on all 10,000 test digits in batches of 1, 7 and 1,000, the
`-sketch` files also on enlarged, faint and inverted digits: largest difference of a probability {largest}, allowed
{tolerance}.

## How well they read

| network | MNIST test | 2021 notebook | pen strokes | calibration error | non-digits passing |
| --- | --- | --- | --- | --- | --- |
{reading}

Pen strokes were drawn 10, 15, 20, 25 and 30 pixels wide on 280 x 280. ± is one standard error over the digits; that
they are of few writers makes the true one larger. The calibration error is the expected one on the MNIST test digits,
in 15 bins. Non-digits passing: refuse every answer less confident than 99 % of those to the three writers' digits, and
this share of drawn letters, signs, scribbles and pairs of digits is not refused. The letters are drawn by
the same program that drew others for training; letters that people write will pass more often.

## Training

| network | parameters | recipe | best epoch | training took |
| --- | --- | --- | --- | --- |
{training}

{recipes}

## Limits

- One digit a sketch. Letters, scribbles and several digits get an answer too, and some letters are digits to anybody:
  O, I, l, Z, S.
- MNIST's writers were Americans. Of digits in other scripts the networks know nothing.
"""
