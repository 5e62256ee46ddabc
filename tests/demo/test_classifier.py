"""The classifier answers with both networks, or gives the reason why it cannot start."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from demo.networks.classifier import Answer, load
from demo.networks.files import ONNX
from demo.reader import too_small
from tests.demo.tiny import TINY, bar
from tests.demo.tiny.make import make


def test_both_networks_read_real_digits(digits: tuple[np.ndarray, np.ndarray]) -> None:
    classifier = load("cpu")
    right = {"lenet5": 0, "ffnn": 0}
    for image, label in zip(digits[0][:300], digits[1][:300], strict=True):
        answer = classifier.classify(255 - image.repeat(8, axis=0).repeat(8, axis=1))
        for name, probabilities in answer.probabilities.items():
            right[name] += int(probabilities.argmax() == label)
            assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert min(right.values()) > 285


def test_the_classifier_gives_the_same_probabilities_as_each_sketch_file(digits: tuple[np.ndarray, np.ndarray]) -> None:
    classifier = load("cpu")
    files = {name: onnxruntime.InferenceSession(ONNX / f"{name}-sketch.onnx") for name in ("lenet5", "ffnn")}
    for image in digits[0][:20]:
        sketch = 255 - image.repeat(8, axis=0).repeat(8, axis=1)
        answer = classifier.classify(sketch)
        for name, file in files.items():
            (alone,) = file.run(["probabilities"], {"sketch": sketch[None]})
            np.testing.assert_allclose(answer.probabilities[name], alone[0], atol=1e-6)


@pytest.mark.parametrize("digit", range(10))
def test_the_tiny_networks_read_bars(digit: int) -> None:
    answer = load("cpu", TINY).classify(bar(digit))
    assert (answer.digit, answer.sure) == (digit, True)


def test_the_committed_tiny_networks_are_those_that_their_script_makes(tmp_path: Path) -> None:
    make(tmp_path)
    for file in TINY.glob("*.onnx"):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file


def test_a_blank_sketch_gives_a_blank_image_and_no_digit() -> None:
    answer = load("cpu").classify(np.full((280, 280), 255, np.uint8))
    assert not answer.image.any()
    assert answer.digit is None
    np.testing.assert_allclose(answer.probabilities["ffnn"], 0.1, atol=1e-6)


@pytest.mark.parametrize(
    ("lenet5", "ffnn", "digit"), [(0.9, 0.9, 4), (0.2, 0.82, 4), (0.2, 0.78, None), (0.1, 0.1, None)]
)
def test_an_answer_has_a_digit_if_its_mean_probability_is_more_than_one_half(
    lenet5: float, ffnn: float, digit: int | None
) -> None:
    probabilities = {
        name: np.where(np.arange(10) == 4, p, (1 - p) / 9).astype(np.float32)
        for name, p in (("lenet5", lenet5), ("ffnn", ffnn))
    }
    assert Answer(np.ones((28, 28), np.float32), probabilities, {}, 0.0).digit == digit


@pytest.mark.parametrize(
    ("width", "height", "small"), [(20, 20, True), (49, 49, True), (20, 60, False), (60, 20, False)]
)
def test_a_drawing_of_less_than_two_and_a_half_pen_widths_is_too_small(width: int, height: int, small: bool) -> None:
    sketch = np.full((280, 280), 255, np.uint8)
    sketch[100 : 100 + height, 50 : 50 + width] = 0
    assert too_small(sketch) == small


@pytest.mark.parametrize("folder", [ONNX, TINY], ids=["committed", "tiny"])
def test_looking_inside_does_not_change_the_answer(folder: Path) -> None:
    classifier = load("cpu", folder)
    closed, opened = classifier.classify(bar(3)), classifier.classify(bar(3), look_inside=True)
    np.testing.assert_array_equal(closed.mean, opened.mean)
    assert {layer: maps.shape for layer, maps in opened.maps.items()} == {
        "conv1": (6, 24, 24),
        "conv2": (16, 19, 19),
        "conv3": (120, 5, 5),
    }
    assert closed.maps == {}
