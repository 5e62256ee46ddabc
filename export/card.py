"""Write the model card from what training and verification recorded."""

import re
from dataclasses import dataclass
from pathlib import Path

from export import triton, web
from export.contract import IMAGE, MAPS, READER_FILE, READER_OPSET, READER_TOLERANCES, SKETCH, VERSION
from export.measurements import Refusals, RuntimeRow, Variants, Verification, sha256
from model.record import TrainingRecord, counted, duration
from model.scores import Score

TEMPLATE = Path(__file__).parent / "card.md"
NOTEBOOK = {"lenet5": 0.9897, "ffnn": 0.9729}  # test accuracy that the 2021 teaching notebook reported
RECIPES_TOLD = ("best", "fast", "tune", "notebook")  # of which card.md tells
TITLES = {"lenet5": "LeNet5", "ffnn": "FFNN"}


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
        assert record.test.calibration_error is not None
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
            f"| {title} | {record.test} | {_percent(NOTEBOOK[record.network], 2)} | {scores} | "
            f"{_percent(record.test.calibration_error, 2)} | {_percent(1 - record.refusal.non_digits)} |"
        )
    hashes = {file.name: sha256(file) for network in exported for file in network.files}
    reader = next(iter(exported[0].files)).with_name(READER_FILE)
    if reader.is_file():
        hashes[READER_FILE] = sha256(reader)
        size = f"{reader.stat().st_size / 1e6:.2f} MB"
        files.insert(0, f"| `{READER_FILE}` | both networks, several digits | {size} | | `{hashes[READER_FILE]}` |")
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
        "cores": str(verification.cores),
        "maps": ", ".join(f"`{layer}` {list(MAPS[layer])}" for layer in MAPS),
        "boxes_tolerance": str(READER_TOLERANCES["boxes"]),
        "reader_tolerance": f"{READER_TOLERANCES['probabilities']:.0e}",
        "refusals": _refusal_table(refusals, hashes),
        "variants": _variant_rows(variants, hashes),
        "drawn": "yes" if all(network.record.recipe.non_digits for network in exported) else "",
        "reading": "\n".join(reading),
        "training": "\n".join(training),
        **{name: "yes" if any(n.record.recipe.name == name for n in exported) else "" for name in RECIPES_TOLD},
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
        f"{_significant(row.per_second)}, {_times(row.throughput)} |"
    )


def _times(ratio: float | None) -> str:
    return f"{_significant(ratio)} x"


def _significant(value: float | None) -> str:
    """Format a number from 10 on without decimals, else with two digits that count."""
    assert value is not None
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _percent(share: float, decimals: int = 0) -> str:
    return f"{100 * share:.{decimals}f} %"


def _refusal_table(refusals: Refusals, hashes: dict[str, str]) -> str:
    """Format the table of refusals, if it was measured with these very files."""
    if not _of(refusals.sha256, hashes):
        return ""
    lines = ["| drawn | count | no digit | sure of a digit |", "| --- | --- | --- | --- |"]
    for row in refusals.rows:
        lines.append(f"| {row.set} | {row.count:,} | {_percent(row.refused, 1)} | {_percent(row.sure, 1)} |")
    return "\n".join(lines)


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
        return ""
    lines = [
        "| runtime | graph | largest difference | same answers | a digit at batch 1 | digits a second at batch 256 |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines)
