"""From checkpoints to a folder of verified ONNX files with their model card."""

from pathlib import Path
from typing import Any

import keras
import onnx

from export.card import Exported, card
from export.convert import image_graph, sketch_graph
from export.verify import read_answers, verify_image_graph, verify_sketch_graph
from model import InputError, mnist
from model.evaluate import load_checkpoint, percent, score
from model.files import read_json, replacing
from model.mnist import Digits
from model.recipes import RECIPES

KINDS = {"": (image_graph, verify_image_graph), "-sketch": (sketch_graph, verify_sketch_graph)}


def export(names: list[str], data: Path | None, checkpoints: Path, output: Path) -> None:
    """Write `output`/NAME.onnx and NAME-sketch.onnx for each of `names`, then README.md, the model card.

    A file replaces the old one only once it is verified on the MNIST test digits. Files of the other network, if there
    are any, are verified first, so that the card speaks the truth of both. Raises InputError.
    """
    _, digits = mnist.load(data)
    exported = {}
    for name in sorted(RECIPES, key=lambda name: name in names):
        paths = {kind: output / f"{name}{kind}.onnx" for kind in KINDS}
        if name in names or all(path.is_file() for path in paths.values()):
            exported[name] = _export(name, paths, digits, checkpoints, convert=name in names)
    with replacing(output / "README.md") as beside:
        beside.write_text(card([exported[name] for name in RECIPES if name in exported]), encoding="utf-8")
    print(output / "README.md")


def _export(name: str, paths: dict[str, Path], digits: Digits, checkpoints: Path, convert: bool) -> Exported:
    network = load_checkpoint(name, checkpoints)
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
