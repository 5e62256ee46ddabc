"""The files in export/onnx keep their contract: anyone can run them, without this project's code."""

import json
import math
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from export import ONNX
from model import CHECKPOINTS
from model.evaluate import load_checkpoint, percent
from model.mnist import network_input
from model.strokes import draw

NETWORKS = {"lenet5": 303_626, "ffnn": 669_706}
AWKWARD = {"Shape", "Range", "Slice", "Resize", "Identity", "If", "Loop", "Reciprocal", "GlobalMaxPool", "Sign"}
OPERATORS = {
    "lenet5.onnx": "Reshape Conv Relu AveragePool Conv Clip Tanh AveragePool Conv Clip Tanh Reshape "
    "Gemm Clip Tanh Gemm Softmax",
    "ffnn.onnx": "Reshape Gemm Relu Gemm Relu Gemm Softmax",
}
FILES = [f"{name}{kind}.onnx" for name in NETWORKS for kind in ("", "-sketch")]


def run(file: str, values: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(ONNX / file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: values}), strict=True))


def as_input(file: str, images: np.ndarray) -> np.ndarray:
    return images if "sketch" in file else images.astype(np.float32) / 255


@pytest.mark.parametrize("file", FILES)
def test_names_types_and_dimensions_are_the_contract(file: str) -> None:
    session = onnxruntime.InferenceSession(ONNX / file, providers=["CPUExecutionProvider"])
    signature = {v.name: (v.type, v.shape) for v in [*session.get_inputs(), *session.get_outputs()]}
    image, read = {"image": ("tensor(float)", ["batch", 28, 28])}, {"probabilities": ("tensor(float)", ["batch", 10])}
    sketch = {"sketch": ("tensor(uint8)", ["batch", "height", "width"])} if "sketch" in file else {}
    assert signature == {**sketch, **image, **read}


@pytest.mark.parametrize("file", FILES)
def test_is_hardly_larger_than_its_weights(file: str) -> None:
    parameters = NETWORKS[file.split("-")[0].removesuffix(".onnx")]
    assert (ONNX / file).stat().st_size == pytest.approx(4 * parameters, rel=0.01)


@pytest.mark.parametrize("file", FILES)
def test_holds_no_operator_and_no_name_that_other_runtimes_stumble_over(file: str) -> None:
    model = onnx.load(ONNX / file)
    assert {opset.domain for opset in model.opset_import} == {""}
    assert not {node.op_type for node in model.graph.node} & AWKWARD
    names = [name for node in model.graph.node for name in [node.name, *node.output]]
    assert not [name for name in names if ":" in name or "__" in name]


@pytest.mark.parametrize("file", OPERATORS)
def test_is_as_one_would_write_it_by_hand(file: str) -> None:
    nodes = onnx.load(ONNX / file).graph.node
    assert [node.op_type for node in nodes] == OPERATORS[file].split()
    assert all("/" in node.name for node in nodes[:-1])
    assert nodes[-1].name == "probabilities"


@pytest.mark.parametrize("file", FILES)
def test_says_what_it_is(file: str) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(ONNX / file).metadata_props}
    name = file.split("-")[0].removesuffix(".onnx")
    story = json.loads((CHECKPOINTS / f"{name}.json").read_text())
    assert metadata["name"] == name
    assert metadata["accuracy"].startswith(percent(story["test"]))
    assert {"version", "license", "training_data", "input"} <= set(metadata)


@pytest.mark.parametrize("file", FILES)
def test_reads_real_digits(file: str, digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    read = run(file, as_input(file, images))["probabilities"].argmax(axis=1)
    assert (read == labels).mean() > 0.97


ROUND = [(0.5 + 0.3 * math.sin(turn / 5), 0.5 - 0.4 * math.cos(turn / 5)) for turn in range(32)]
EUROPEAN = {
    "1 with a flag": [[(0.25, 0.5), (0.6, 0.1), (0.57, 0.9)]],
    "1 with flag and foot": [[(0.25, 0.4), (0.5, 0.1), (0.5, 0.9)], [(0.25, 0.9), (0.75, 0.9)]],
    "7 with a bar": [[(0.2, 0.12), (0.8, 0.1), (0.4, 0.9)], [(0.3, 0.5), (0.75, 0.48)]],
    "0 with a slash": [ROUND, [(0.7, 0.2), (0.3, 0.8)]],
    "4 open at the top": [[(0.25, 0.1), (0.2, 0.55), (0.8, 0.55)], [(0.65, 0.3), (0.6, 0.95)]],
}
LETTERS = {
    "A": [[(0.1, 0.9), (0.5, 0.1), (0.9, 0.9)], [(0.25, 0.6), (0.75, 0.6)]],
    "H": [[(0.2, 0.1), (0.2, 0.9)], [(0.8, 0.1), (0.8, 0.9)], [(0.2, 0.5), (0.8, 0.5)]],
    "X": [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],
    "W": [[(0.05, 0.1), (0.3, 0.9), (0.5, 0.3), (0.7, 0.9), (0.95, 0.1)]],
}


def answer(name: str, drawing: list[list[tuple[float, float]]], brush: int) -> np.ndarray:
    sketch = draw([np.array(stroke) for stroke in drawing], brush, 196 - brush)
    return run(f"{name}-sketch.onnx", np.asarray(sketch)[None])["probabilities"][0]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("brush", [10, 20, 30])
@pytest.mark.parametrize("style", EUROPEAN)
def test_reads_digits_as_europeans_write_them(name: str, brush: int, style: str) -> None:
    assert answer(name, EUROPEAN[style], brush).argmax() == int(style[0])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("letter", LETTERS)
def test_is_less_sure_of_a_letter_than_of_any_of_those_digits(name: str, letter: str) -> None:
    least = min(answer(name, digit, 20).max() for digit in EUROPEAN.values())
    assert answer(name, LETTERS[letter], 20).max() < least


@pytest.mark.parametrize("name", NETWORKS)
def test_was_made_from_the_committed_checkpoint(name: str, digits: tuple[np.ndarray, np.ndarray]) -> None:
    network = load_checkpoint(name)
    images = digits[0][:100]
    expected = network.predict(network_input(images, network), verbose=0)
    found = run(f"{name}.onnx", as_input(f"{name}.onnx", images))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (480, 640)])
def test_a_blank_sketch_is_no_digit(name: str, shape: tuple[int, int]) -> None:
    answer = run(f"{name}-sketch.onnx", np.full((2, *shape), 255, np.uint8))
    assert not answer["image"].any()
    np.testing.assert_allclose(answer["probabilities"], 0.1, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_sketch_of_a_batch_is_read_by_itself(name: str, digits: tuple[np.ndarray, np.ndarray]) -> None:
    file = f"{name}-sketch.onnx"
    sketches = np.stack([digits[0][0], 255 - digits[0][1], np.zeros((28, 28), np.uint8)])
    together = run(file, sketches)["probabilities"]
    alone = np.concatenate([run(file, sketch[None])["probabilities"] for sketch in sketches])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("paper", [255, 150])
def test_reads_a_photograph_in_uneven_light(name: str, paper: int) -> None:
    digit = np.asarray(draw([np.array(stroke) for stroke in EUROPEAN["7 with a bar"]], 14, 160))
    y, x = np.mgrid[:280, :280] / 280
    light = (1 - 0.4 * x) * (1 - 0.3 * y * y)
    grain = np.random.default_rng(0).normal(0, 5, digit.shape)
    photograph = ((30 + digit / 255 * (paper - 30)) * light + grain).clip(0, 255).astype(np.uint8)
    read = run(f"{name}-sketch.onnx", np.stack([photograph, 255 - photograph]))["probabilities"]
    assert (read.argmax(axis=1) == 7).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_gives_ten_probabilities_of_whatever_there_is(name: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        height, width = random.integers(8, 60, 2)
        scene = random.integers(0, 256, (4, height, width), dtype=np.uint8)
        scene[1] = 255 * (scene[1] > random.integers(256))
        scene[2, : height // 2] = 0
        scene[3, :, ::2] = 255
        found = run(f"{name}-sketch.onnx", scene)
        assert np.isfinite(found["image"]).all()
        np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, atol=1e-5)


MEMORY = r"""
import re, sys
from pathlib import Path
import numpy as np, onnxruntime
def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
sketch = np.full((1, 2048, 2048), 255, np.uint8)
sketch[0, 300:1700, 900:1100] = 0
before = peak()
for _ in range(3):
    assert session.run(["probabilities"], {"sketch": sketch})[0].argmax() == 1
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_largest_sketch_takes_less_than_200_megabytes(name: str) -> None:
    command = [sys.executable, "-c", MEMORY, str(ONNX / f"{name}-sketch.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) * 1024 < 200e6
