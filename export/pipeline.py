"""From checkpoints to a folder of verified ONNX files with their model card."""

import json
from pathlib import Path
from typing import Any

import keras
import onnx

from export.card import Exported, card, sha256, told
from export.convert import image_graph, sketch_graph
from export.runtimes import CORES
from export.survey import survey
from export.verify import read_answers, verify_image_graph, verify_sketch_graph
from model import InputError, mnist
from model.evaluate import load_checkpoint, percent, score
from model.files import read_json, replacing, write_json
from model.mnist import Digits
from model.recipes import RECIPES

VERIFICATION, REFUSALS = "verification.json", "refusals.json"
KINDS = {"": (image_graph, verify_image_graph), "-sketch": (sketch_graph, verify_sketch_graph)}


def export(names: list[str], data: Path | None, checkpoints: Path, output: Path) -> None:
    """Write `output`/NAME.onnx and NAME-sketch.onnx for each of `names`, then README.md, the model card.

    A file replaces the old one only once it is verified on the MNIST test digits. Files of the other network, if there
    are any, are verified first, so that the card speaks the truth of both. Raises InputError.
    """
    _, digits = mnist.load(data)
    verification, refusals = _recorded(output / VERIFICATION), _recorded(output / REFUSALS)
    exported = {}
    for name in sorted(RECIPES, key=lambda name: name in names):
        paths = _paths(name, output)
        if name in names or all(path.is_file() for path in paths.values()):
            network = load_checkpoint(name, checkpoints)
            exported[name] = _export(network, paths, digits, checkpoints, convert=name in names)
    _write_card(exported, verification, refusals, output)


def verify(data: Path | None, checkpoints: Path, output: Path) -> None:
    """Run every graph in `output` in every runtime that is installed; write what came out, and the card.

    What came out is `output`/verification.json, which the card's table is made of. Raises InputError if a file is not
    its checkpoint's, and after all have run if a runtime read a digit otherwise than Keras.
    """
    _, digits = mnist.load(data)
    verification, refusals = _recorded(output / VERIFICATION), _recorded(output / REFUSALS)
    exported, networks = {}, {}
    for name in RECIPES:
        paths, network = _paths(name, output), load_checkpoint(name, checkpoints)
        if missing := [path for path in paths.values() if not path.is_file()]:
            raise InputError(f"There is no {missing[0]}: python -m export {name} makes it.")
        exported[name] = _export(network, paths, digits, checkpoints, convert=False)
        networks.update(dict.fromkeys(paths.values(), network))
    _write_card(
        exported, verification, refusals, output
    )  # now, so that a folder that cannot be written costs no half an hour
    rows = []
    for row in survey(networks, digits):
        print(told(row), flush=True)
        rows.append(row)
    files = {path.name: sha256(path) for path in networks}
    verification = {"cores": CORES, "sha256": files, "rows": rows}
    write_json(output / VERIFICATION, verification)
    _write_card(exported, verification, refusals, output)
    if any("missing" in row for row in rows):
        print('pip install -e ".[runtimes]" brings what pip can of those that are not installed.')
    if wrong := [row for row in rows if row.get("same") != row.get("count")]:
        raise InputError("Not what Keras reads: " + "; ".join(f"{row['file']} in {row['runtime']}" for row in wrong))


def _paths(name: str, output: Path) -> dict[str, Path]:
    return {kind: output / f"{name}{kind}.onnx" for kind in KINDS}


def _recorded(path: Path) -> dict[str, Any]:
    """What was measured of files with these hashes; without rows if nothing was."""
    if not path.is_file():
        return {"cores": CORES, "sha256": {}, "rows": []}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"cores": int(found.get("cores", CORES)), "sha256": dict(found["sha256"]), "rows": list(found["rows"])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}): delete it, and measure anew.") from error


def _write_card(
    exported: dict[str, Exported], verification: dict[str, Any], refusals: dict[str, Any], output: Path
) -> None:
    text = card([exported[name] for name in RECIPES if name in exported], verification, refusals)
    with replacing(output / "README.md") as beside:
        beside.write_text(text, encoding="utf-8")
    print(output / "README.md")


def _export(network: keras.Model, paths: dict[str, Path], digits: Digits, checkpoints: Path, convert: bool) -> Exported:
    name = network.name
    story = read_json(checkpoints / f"{name}.json")
    if not {"test", "pens", "refusal"} <= set(story):
        raise InputError(f"The card needs {name}'s test accuracies: run python -m model evaluate {name} first.")
    files, differences = {}, []
    for kind, path in paths.items():
        graph, _ = KINDS[kind]
        if convert:
            with replacing(path) as beside:
                onnx.save(graph(network, story), beside)
                result, difference = _verified(beside, kind, network, story, digits, f"{path} is not replaced")
        else:
            mend = f"{path} is not the checkpoint's (python -m export all makes it anew)"
            result, difference = _verified(path, kind, network, story, digits, mend)
        print(f"{path}: {percent(result)} of MNIST test, within {difference:.1g} of Keras", flush=True)
        files[path] = result
        differences.append(difference)
    return Exported(story, files, max(differences))


def _verified(
    path: Path, kind: str, network: keras.Model, story: dict[str, Any], digits: Digits, consequence: str
) -> tuple[dict[str, Any], float]:
    """The score of the graph in `path` and its largest difference from Keras."""
    try:
        difference = KINDS[kind][1](path, network, digits)
        result = score(read_answers(path, digits.images), digits.labels)
    except Exception as error:  # a damaged file can make the checker, protobuf or ONNX Runtime raise anything
        raise InputError(f"{consequence}: {error}") from error
    if kind == "" and result["accuracy"] != story["test"]["accuracy"]:
        raise InputError(
            f"{consequence}: it reads {percent(result)} of the test digits, the checkpoint's .json says "
            f"{percent(story['test'])}. Run python -m model evaluate {network.name} first."
        )
    return result, difference
