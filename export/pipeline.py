"""From checkpoints to a folder of verified ONNX files with their model card."""

from pathlib import Path

import onnx

from export.card import Exported, card
from export.convert import image_graph, sketch_graph
from export.verify import VerificationError, read_answers, verify_image_graph, verify_sketch_graph
from model import InputError, mnist
from model.evaluate import load_checkpoint, percent, score
from model.files import read_json, replacing
from model.mnist import Digits
from model.recipes import RECIPES

KINDS = {"": (image_graph, verify_image_graph), "-sketch": (sketch_graph, verify_sketch_graph)}


def export(names: list[str], data: Path | None, checkpoints: Path, output: Path) -> None:
    """Write `output`/NAME.onnx and NAME-sketch.onnx for each of `names`, then README.md, the model card.

    A file replaces the old one only once it is verified on the MNIST test digits. Files of the other network, if there
    are any, are verified too, so that the card speaks the truth of both. Raises InputError.
    """
    _, digits = mnist.load(data)
    exported = []
    for name in RECIPES:
        if name in names:
            exported.append(_export(name, digits, checkpoints, output, convert=True))
        elif all((output / f"{name}{kind}.onnx").is_file() for kind in KINDS):
            exported.append(_export(name, digits, checkpoints, output, convert=False))
    with replacing(output / "README.md") as beside:
        beside.write_text(card(exported), encoding="utf-8")
    print(output / "README.md")


def _export(name: str, digits: Digits, checkpoints: Path, output: Path, convert: bool) -> Exported:
    network = load_checkpoint(name, checkpoints)
    story = read_json(checkpoints / f"{name}.json")
    if "test" not in story:
        raise InputError(f"The card needs {name}'s test accuracy: run python -m model evaluate {name} first.")
    files, differences = {}, []
    for kind, (graph, verify) in KINDS.items():
        path = output / f"{name}{kind}.onnx"
        try:
            if convert:
                with replacing(path) as beside:
                    onnx.save(graph(network, story), beside)
                    difference = verify(beside, network, digits)
            else:
                difference = verify(path, network, digits)
        except (VerificationError, onnx.checker.ValidationError) as error:
            state = "not replaced" if convert else "of another checkpoint: run python -m export all"
            raise InputError(f"{path} is {state}: {error}") from error
        result = score(read_answers(path, digits.images), digits)
        print(f"{path}: {percent(result)} of MNIST test, within {difference:.1g} of Keras", flush=True)
        files[path] = result
        differences.append(difference)
    return Exported(story, files, max(differences))
