"""Write the model card from what training and verification recorded."""

import re
from dataclasses import dataclass
from pathlib import Path

from export import triton, web
from export.contract import IMAGE, READER_FILE, READER_OPSET, SKETCH, VERSION
from export.measurements import Refusals, RuntimeRow, Variants, Verification, sha256
from model.record import TrainingRecord, counted, duration
from model.scores import Score

TEMPLATE = Path(__file__).parent / "card.md"
NOTEBOOK = {"lenet5": 0.9897, "ffnn": 0.9729}  # test accuracy that the 2021 teaching notebook reported
TITLES = {"lenet5": "LeNet5", "ffnn": "FFNN"}


RECIPE_NOTES = {
    "best": """Recipe `best` trains on MNIST's training digits (Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0), except
the last 5,000, which validate; on the pen strokes of 24 of the 30 writers in the training part of UCI's Pendigits
(E. Alpaydin, F. Alimoglu; CC BY 4.0) and of 44 of the 60 writers of UJI Pen Characters 2 (F. Prat and others; CC BY
4.0), drawn with many brushes, as they were written and varied as other hands would write them; on digits in styles of
which these hold too few (slashed 0, 1 with a long flag or a foot, crossed 7, open and closed 4, angular 5); on digits
beside what a cut leaves of a neighbour; and on letters, signs, scribbles, halves and pairs of digits, for which the
right answer is ten equal probabilities. Three writers of Pendigits and eight of UJI validate, and as many are held out.
Every image is distorted in another way in each epoch. In the last epochs, after a foundation, MNIST's digits are there
three times. The writers were Turkish and Spanish, and the other styles are European ones.""",
    "fast": """Recipe `fast` trains for a few epochs on MNIST's training digits (Y. LeCun, C. Cortes, C. Burges;
CC BY-SA 3.0), except the last 5,000, which validate. It knows nothing else: a 1 with a flag, a crossed 7 or a slashed 0
is often misread, and letters get confident answers.""",
    "tune": """Recipe `tune` goes on from networks that recipe `best` trained, with corrected drawings of the people who
use them among a share of the same data: MNIST's training digits, pen strokes, other styles, and drawings that are not
digits. The result keeps as much of what it learned as makes no validation set worse.""",
    "notebook": """Recipe `notebook` is that of a 2021 teaching notebook, with the best epoch by validation loss kept.
It trains on MNIST's training digits (Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0), except the last 12,000, which
validate. It knows nothing else: a 1 with a flag, a crossed 7 or a slashed 0 is often misread, and letters get
confident answers.""",
}


RUNTIME_NOTES = """The difference is the largest of a probability from Keras, over the test digits that the table
counts, in batches of 256 and the first of them in batches of 1 and 7. The `-sketch` files also read 256 drawings on 280
x 280 and 64 photographs of 200 x 333. `reader.onnx` reads 45 numbers and 4 photographs: the table counts the pieces of
ink whose digit and box are those of `model/reader`, and its larger batch has 16 sheets. Times are medians on {cores}
cores, for 28 x 28 images and 280 x 280 sketches: one thread at batch 1, {cores} threads at batch 256. tract and ONNX
Runtime Web always use one thread. Keras, which runs the checkpoint itself, and onnx.reference choose their own number.
Each runtime is timed in turn with ONNX Runtime: 5 x means five times its time, 0.1 x means a tenth of its digits a
second.

- OpenVINO computes in bfloat16 on processors that have it. The setting `INFERENCE_PRECISION_HINT` f32 was used here.
- OpenCV's new engine, `cv2.dnn.ENGINE_NEW`, was used here. The classic engine of OpenCV 4.12 also runs the image graphs
  as they are. It runs the sketch graphs once their sizes are fixed, one dimension after the other:
  `python -m onnxruntime.tools.make_dynamic_shape_fixed --dim_param height --dim_value 280 IN.onnx OUT.onnx`.
- MNN's fast convolution is inexact by 4e-4. The setting `set_hint(3, 0)` was used here, which makes it exact.
- tract's Tanh never exceeds 0.9999994, and LeNet5 adds up 3,000 of these values.
- LiteRT runs the image graphs after conversion by onnx2tf. onnx2tf cannot convert the sketch graphs: it takes a graph
  whose sizes are all unknown for one with channels, and permutes its axes."""


@dataclass(frozen=True)
class Exported:
    """The verified files of one network."""

    record: TrainingRecord
    files: dict[Path, Score]
    """How each file reads the MNIST test digits."""
    difference: float
    """Largest difference of a probability from Keras, over all files."""


def card(exported: list[Exported], verification: Verification, refusals: Refusals, variants: Variants) -> str:
    """Format README.md of a Hugging Face model repository.

    `verification` comes from export.pipeline.survey_runtimes, `refusals` and `variants` from the benchmarks of these
    names in tests/. Only measurements of these very files are shown.
    """
    index, files, training, reading = [], [], [], []
    for network in exported:
        record = network.record
        assert record.test
        assert record.pens
        assert record.refusal
        title = TITLES[record.network]
        for file, result in network.files.items():
            index.append(f"    - {{type: accuracy, value: {result.accuracy:.4f}, name: {file.name}}}")
            size = f"{file.stat().st_size / 1e6:.2f} MB"
            files.append(f"| `{file.name}` | {title} | {size} | {result} | `{sha256(file)}` |")
        took = duration(record.seconds)
        if record.foundation_seconds:
            took = f"{duration(record.foundation_seconds)} for its foundation, then {took}"
        corrections = f", {counted(record.corrections, 'corrected drawing')}" if record.corrections else ""
        training.append(
            f"| {title} | {record.parameters:,} | `{record.recipe.name}`, seed {record.seed}{corrections} | "
            f"{record.best_epoch} of {record.epochs} | {took}, {record.device} |"
        )
        scores = ", ".join(f"{result} ({result.set})" for result in record.pens)
        reading.append(
            f"| {title} | {record.test} | {NOTEBOOK[record.network]:.2%} | {scores} | "
            f"{record.test.calibration_error:.2%} | {1 - record.refusal.non_digits:.0%} |"
        )
    hashes = {file.name: sha256(file) for network in exported for file in network.files}
    reader = next(iter(exported[0].files)).with_name(READER_FILE)
    if reader.is_file():
        hashes[READER_FILE] = sha256(reader)
        size = f"{reader.stat().st_size / 1e6:.2f} MB"
        files.insert(0, f"| `{READER_FILE}` | both networks, whole numbers | {size} | | `{hashes[READER_FILE]}` |")
    pens = ""
    if any(network.record.recipe.pen_copies for network in exported):
        pens += "; Pendigits by E. Alpaydin and F. Alimoglu, CC BY 4.0"
    if any(network.record.recipe.uji_copies for network in exported):
        pens += "; UJI Pen Characters 2 by F. Prat, M. J. Castro, D. Llorens, A. Marzal and J. M. Vilar, CC BY 4.0"
    slots = {
        "index": "\n".join(index),
        "version": VERSION,
        "files": "\n".join(files),
        "image_opset": str(IMAGE.opset),
        "sketch_opset": str(SKETCH.opset),
        "reader_opset": str(READER_OPSET),
        "web": web.VERSION,
        "batch": str(triton.MAX_BATCH_SIZE),
        "largest": f"{max(network.difference for network in exported):.0e}",
        "tolerance": f"{IMAGE.tolerance:.0e} in the image graphs and {SKETCH.tolerance:.0e} in the others",
        "runtimes": _runtime_table(verification, hashes),
        "refusals": _refusal_table(refusals, hashes),
        "variants": _variant_rows(variants, hashes),
        "drawn": "yes" if all(network.record.recipe.non_digits for network in exported) else "",
        "reading": "\n".join(reading),
        "training": "\n".join(training),
        "recipes": "\n\n".join(RECIPE_NOTES[name] for name in sorted({n.record.recipe.name for n in exported})),
        "pens": pens,
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    return _filled(text, slots)


def _filled(text: str, slots: dict[str, str]) -> str:
    """Fill each [[slot]], and keep what is between [[if slot]] and [[end]] only if that slot is not empty."""
    text = re.sub(r"^(\[\[(?:if \w+|end)\]\])\n", r"\1", text, flags=re.MULTILINE)
    innermost = re.compile(r"\[\[if (\w+)\]\]((?:(?!\[\[if ).)*?)\[\[end\]\]", re.DOTALL)
    while innermost.search(text):
        text = innermost.sub(lambda part: part[2] if slots[part[1]] else "", text)
    return re.sub(r"\[\[(\w+)\]\]", lambda slot: slots[slot[1]], text)


def runtime_line(row: RuntimeRow) -> str:
    """Format a line of the table of runtimes."""
    start = f"| {row.runtime} {row.version} | `{row.file}` |"
    if row.missing:
        return f"{start} not installed: {row.missing} | | | |"
    if row.refused:
        return f"{start} cannot: {row.refused.replace('|', '/')} | | | |"
    agreement = f"{row.difference:.0e} | {row.same:,} of {row.count:,}" if row.same is not None else " | "
    return (
        f"{start} {agreement} | {row.milliseconds:.2f} ms, {_times(row.latency)} | "
        f"{row.per_second:,.0f}, {_times(row.throughput)} |"
    )


def _times(ratio: float | None) -> str:
    assert ratio is not None
    return f"{ratio:,.0f} x" if ratio >= 10 else f"{ratio:.2g} x"


def _refusal_table(refusals: Refusals, hashes: dict[str, str]) -> str:
    """Format the table of refusals, if it was measured with these very files."""
    if not _of(refusals.sha256, hashes):
        return ""
    rows = [f"| {row.set} | {row.count:,} | {row.refused:.1%} | {row.sure:.1%} |" for row in refusals.rows]
    return "\n".join(["| drawn | count | no digit | sure of a digit |", "| --- | --- | --- | --- |", *rows])


def _variant_rows(variants: Variants, hashes: dict[str, str]) -> str:
    """Format the rows of the table of smaller files, if they were made of these very files."""
    if not _of(variants.sha256, hashes):
        return ""
    return "\n".join(
        f"| `{row.file}` | {row.variant} | {row.megabytes:.2f} MB | {row.points:+.2f} points | "
        f"{row.latency:.2f} x, {row.throughput:.2f} x |"
        for row in variants.rows
    )


def _of(measured: dict[str, str], hashes: dict[str, str]) -> bool:
    """Tell whether something was measured, and of files with these hashes."""
    return bool(measured) and all(hashes.get(name) == digest for name, digest in measured.items())


def _runtime_table(verification: Verification, hashes: dict[str, str]) -> str:
    """Format the table of runtimes, from the rows that were measured with these very files."""
    current = {name for name, digest in verification.sha256.items() if hashes.get(name) == digest}
    rows = [runtime_line(row) for row in verification.rows if row.file in current and not row.missing]
    if not rows:
        return "`python -m export verify` runs them in other runtimes, and writes a table here."
    lines = [
        "| runtime | graph | largest difference | same answers | a digit at batch 1 | digits a second at batch 256 |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines) + "\n\n" + RUNTIME_NOTES.format(cores=verification.cores)
