"""The model card, written from what training and verification recorded."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import triton, web
from export.convert import IMAGE_OPSET, SKETCH_OPSET, VERSION
from export.verify import TOLERANCE
from model.evaluate import percent

TEMPLATE = Path(__file__).parent / "card.md"
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


ABOUT_THE_TABLE = """Differences are those of a probability from Keras', over the 10,000 test digits in batches of
256 and the first of them in batches of 1 and 7; for the `-sketch` files also over 256 drawings on 280 x 280 and 64
photographs of 200 x 333. Times are medians of 28 x 28 images and of 280 x 280 sketches on {cores} cores: at batch 1 on
one thread, at batch 256 on {cores}, except that tract and ONNX Runtime Web always take one, and Keras, which runs the
checkpoint itself, and onnx.reference what they like. 5 x: five times the time, 0.1 x: a tenth of the digits a second,
of ONNX Runtime, timed in turn with it.

- OpenVINO computes in bfloat16 where the processor can; `INFERENCE_PRECISION_HINT` f32, as here, prevents it.
- OpenCV needs its new engine (`cv2.dnn.ENGINE_NEW`), as here; the classic one knows no symbolic sizes.
- MNN's fast convolution is 4e-4 off; `set_hint(3, 0)`, as here, makes it exact.
- tract's Tanh ends at 0.9999994, and LeNet5 adds up 3,000 of these.
- LiteRT takes the image graphs through onnx2tf. That takes a graph whose sizes are all unknown for one with channels,
  and turns its axes around: it cannot convert the sketch graphs."""


@dataclass(frozen=True)
class Exported:
    """One network's files, each with `model.evaluate.score`'s result, and their largest difference from Keras."""

    story: dict[str, Any]
    files: dict[Path, dict[str, Any]]
    difference: float


def card(exported: list[Exported], verification: dict[str, Any], refusals: dict[str, Any]) -> str:
    """README.md of a Hugging Face model repository.

    `verification` is what export.pipeline.verify wrote, `refusals` what tests/benchmarks/refusal.py did.
    """
    index, files, training, reading = [], [], [], []
    for network in exported:
        story = network.story
        title = TITLES[story["network"]]
        for file, result in network.files.items():
            index.append(f"    - {{type: accuracy, value: {result['accuracy']:.4f}, name: {file.name}}}")
            size = f"{file.stat().st_size / 1e6:.2f} MB"
            files.append(f"| `{file.name}` | {title} | {size} | {percent(result)} | `{sha256(file)}` |")
        training.append(
            f"| {title} | {story['parameters']:,} | `{story['recipe']['name']}`, seed {story['seed']} | "
            f"{story['best_epoch']} of {story['epochs']} | {story['seconds'] / 60:.0f} minutes, {story['device']} |"
        )
        pens = ", ".join(f"{percent(result)} ({result['set']})" for result in story["pens"])
        reading.append(
            f"| {title} | {percent(story['test'])} | {NOTEBOOK[story['network']]:.2%} | {pens} | "
            f"{story['test']['calibration_error']:.2%} | {1 - story['refusal']['non_digits']:.0%} |"
        )
    hashes = {file.name: sha256(file) for network in exported for file in network.files}
    used_pens = any(network.story["recipe"].get("drawn") for network in exported)
    slots = {
        "index": "\n".join(index),
        "version": VERSION,
        "files": "\n".join(files),
        "image_opset": str(IMAGE_OPSET),
        "sketch_opset": str(SKETCH_OPSET),
        "web": web.VERSION,
        "batch": str(triton.MAX_BATCH_SIZE),
        "largest": f"{max(network.difference for network in exported):.0e}",
        "tolerance": f"{TOLERANCE['image']:.0e} in the image graphs and {TOLERANCE['sketch']:.0e} in the others",
        "runtimes": _runtimes(verification, hashes),
        "refusals": _refusals(refusals, hashes),
        "reading": "\n".join(reading),
        "training": "\n".join(training),
        "recipes": "\n\n".join(TRAINED_BY[name] for name in sorted({n.story["recipe"]["name"] for n in exported})),
        "pens": "; Pendigits by E. Alpaydin and F. Alimoglu, CC BY 4.0" if used_pens else "",
    }
    return re.sub(r"\[\[(\w+)\]\]", lambda slot: slots[slot[1]], TEMPLATE.read_text(encoding="utf-8"))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def told(row: dict[str, Any]) -> str:
    """A line of the table of runtimes, from a row of export.survey.survey."""
    start = f"| {row['runtime']} {row['version']} | `{row['file']}` |"
    if "missing" in row:
        return f"{start} not installed: {row['missing']} | | | |"
    if "refused" in row:
        return f"{start} cannot: {row['refused'].replace('|', '/')} | | | |"
    agreement = f"{row['difference']:.0e} | {row['same']:,} of {row['count']:,}" if "same" in row else " | "
    return (
        f"{start} {agreement} | {row['milliseconds']:.2f} ms, {_times(row['latency'])} | "
        f"{row['per_second']:,.0f}, {_times(row['throughput'])} |"
    )


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 10 else f"{ratio:.2g} x"


def _refusals(refusals: dict[str, Any], hashes: dict[str, str]) -> str:
    """The table of what is taken for a digit and what is not, if it is of these very files."""
    if not refusals["rows"] or any(hashes.get(name) != digest for name, digest in refusals["sha256"].items()):
        return "`python -m tests.benchmarks.refusal` in the repository measures what it refuses."
    rows = [
        f"| {row['drawn']} | {row['count']:,} | {row['refused']:.1%} | {row['sure']:.1%} |" for row in refusals["rows"]
    ]
    return "\n".join(["| drawn | count | no digit | sure of a digit |", "| --- | --- | --- | --- |", *rows])


def _runtimes(verification: dict[str, Any], hashes: dict[str, str]) -> str:
    """The table of the rows that are of these very files."""
    current = {name for name, digest in verification["sha256"].items() if hashes.get(name) == digest}
    rows = [told(row) for row in verification["rows"] if row["file"] in current and "missing" not in row]
    if not rows:
        return "`python -m export verify` runs them in other runtimes, and writes a table here."
    lines = [
        "| runtime | graph | largest difference | same answers | a digit at batch 1 | digits a second at batch 256 |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines) + "\n\n" + ABOUT_THE_TABLE.format(cores=verification["cores"])
