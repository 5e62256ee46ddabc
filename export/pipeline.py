"""Convert checkpoints to a folder of verified ONNX files with their model card."""

from pathlib import Path

import keras
import onnx

from export import export_command
from export.card import Exported, card, runtime_line
from export.contract import KINDS, READER_FILE, Kind
from export.convert import to_onnx
from export.measurements import Refusals, Variants, Verification, sha256
from export.reader import to_onnx as reader_to_onnx
from export.survey import survey
from export.verify import read_digits, verify, verify_reader
from model import InputError, evaluate_command, mnist
from model.files import replacing
from model.folders import Folders
from model.mnist import Digits
from model.networks import load_trained
from model.recipes import RECIPES
from model.record import TrainingRecord
from model.scores import Score, score

VERIFICATION, REFUSALS, VARIANTS = "verification.json", "refusals.json", "variants.json"


def export(names: list[str], data: Folders, checkpoints: Path, output: Path) -> None:
    """Write the ONNX files of the networks `names` into `output`, then the model card, README.md.

    Each file is verified on the MNIST test digits before it replaces the old one. Files of the other network, if there
    are any, are verified first, so that the card is true for both. Raises InputError.
    """
    _, digits = mnist.load(data)
    _load_measurements(output)  # damaged ones are reported before the export
    exported, networks = {}, {}
    for name in sorted(RECIPES, key=lambda name: name in names):
        if name in names or all((output / kind.file(name)).is_file() for kind in KINDS):
            networks[name] = load_trained(name, checkpoints)
            exported[name] = _export(networks[name], digits, checkpoints, output, convert=name in names)
    if len(networks) == len(RECIPES):
        _export_reader({name: networks[name] for name in RECIPES}, digits, exported, output)
    _write_card(exported, output)


def survey_runtimes(data: Folders, checkpoints: Path, output: Path) -> None:
    """Run every graph in `output` in every installed runtime; write the measurements and the card.

    The measurements are `output`/verification.json. Raises InputError if a file does not match its checkpoint, and at
    the end if a runtime reads a digit otherwise than Keras.
    """
    _, digits = mnist.load(data)
    _load_measurements(output)  # damaged ones are reported before the survey
    exported, networks = {}, []
    for name in RECIPES:
        networks.append(load_trained(name, checkpoints))
        if missing := [file for kind in KINDS if not (file := output / kind.file(name)).is_file()]:
            raise InputError(f"{missing[0]} is missing: {export_command(name, checkpoints, output)} makes it.")
        exported[name] = _export(networks[-1], digits, checkpoints, output, convert=False)
    if not (output / READER_FILE).is_file():
        raise InputError(f"{output / READER_FILE} is missing: {export_command('all', checkpoints, output)} makes it.")
    # The card is written before the survey, too: if the folder is read-only, that shows before the long work.
    _write_card(exported, output)
    rows = []
    for row in survey(output, networks, digits):
        print(runtime_line(row), flush=True)
        rows.append(row)
    files = [file for network in exported.values() for file in network.files]
    hashes = {file.name: sha256(file) for file in [*files, output / READER_FILE]}
    Verification(hashes, rows).save(output / VERIFICATION)
    _write_card(exported, output)
    if any(row.missing for row in rows):
        print('pip install -e ".[runtimes]" installs what pip can of the missing runtimes.')
    if wrong := [row for row in rows if row.differs]:
        raise InputError(
            "Some digits are not read as Keras reads them: "
            + "; ".join(f"{row.file} in {row.runtime}" for row in wrong)
        )


def _load_measurements(output: Path) -> tuple[Verification, Refusals, Variants]:
    return (
        Verification.load(output / VERIFICATION),
        Refusals.load(output / REFUSALS),
        Variants.load(output / VARIANTS),
    )


def _write_card(exported: dict[str, Exported], output: Path) -> None:
    text = card([exported[name] for name in RECIPES if name in exported], *_load_measurements(output))
    with replacing(output / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(output / "README.md")


def _export(network: keras.Model, digits: Digits, checkpoints: Path, output: Path, convert: bool) -> Exported:
    """Convert and verify the graphs of one network, or only verify them."""
    name = network.name
    record = TrainingRecord.load(checkpoints / f"{name}.json")
    if not (record.test and record.pens and record.refusal):
        raise InputError(f"The card needs {name}'s test accuracies: run {evaluate_command(name, checkpoints)} first.")
    files, differences = {}, []
    for kind in KINDS:
        path = output / kind.file(name)
        if convert:
            with replacing(path) as temporary:
                onnx.save(to_onnx(network, kind, record), temporary)
                consequence = f"{path} is not replaced"
                result, difference = _verified(temporary, kind, network, record, digits, checkpoints, consequence)
        else:
            command = export_command("all", checkpoints, output)
            consequence = f"{path} does not match the checkpoint ({command} makes it again)"
            result, difference = _verified(path, kind, network, record, digits, checkpoints, consequence)
        print(f"{path}: {result} of MNIST test, within {difference:.1g} of Keras", flush=True)
        files[path] = result
        differences.append(difference)
    return Exported(record, files, max(differences))


def _export_reader(
    networks: dict[str, keras.Model], digits: Digits, exported: dict[str, Exported], output: Path
) -> None:
    """Convert and verify the reader of numbers."""
    path = output / READER_FILE
    with replacing(path) as temporary:
        onnx.save(reader_to_onnx(networks, {name: exported[name].record for name in networks}), temporary)
        try:
            count = verify_reader(temporary, networks, digits)
        except Exception as error:  # the checker, protobuf or ONNX Runtime raise anything
            raise InputError(f"{path} is not replaced: {error}") from error
    print(f"{path}: reads {count} numbers as model/reader does", flush=True)


def _verified(
    path: Path,
    kind: Kind,
    network: keras.Model,
    record: TrainingRecord,
    digits: Digits,
    checkpoints: Path,
    consequence: str,
) -> tuple[Score, float]:
    """Verify the graph in `path`. Returns its score, and its largest difference from Keras."""
    try:
        difference = verify(path, kind, network, digits)
        result = score("MNIST test", read_digits(path, kind, digits.images), digits.labels)
    except Exception as error:  # a damaged file makes the checker, protobuf or ONNX Runtime raise anything
        raise InputError(f"{consequence}: {error}") from error
    assert record.test
    if not kind.normalizes and result.accuracy != record.test.accuracy:
        raise InputError(
            f"{consequence}: it reads {result} of the test digits, but the checkpoint's .json says {record.test}. "
            f"Run {evaluate_command(network.name, checkpoints)} first."
        )
    return result, difference
