"""The classifier reads numbers, or gives the reason why it cannot start."""

from pathlib import Path

import numpy as np
import pytest

from demo.networks.classifier import Answer, Digit, load
from demo.networks.files import ONNX
from tests.demo.tiny import BLOT, SURE, TINY, UNSURE, bar, bars
from tests.demo.tiny.make import make


def digit(value: int | None, line: int = 0, confidence: float = 1.0) -> Digit:
    tenth = np.full(10, 0.1, np.float32)
    networks = {"lenet5": tenth, "ffnn": tenth}
    return Digit(value, confidence, line, np.zeros(4, np.float32), networks, tenth, np.zeros((28, 28), np.float32))


def enlarged(image: np.ndarray) -> np.ndarray:
    """An MNIST digit, uint8 [28, 28], as a sketch of 224 x 224."""
    return 255 - image.repeat(8, axis=0).repeat(8, axis=1)


def test_real_digits_are_read_one_by_one(digits: tuple[np.ndarray, np.ndarray]) -> None:
    classifier = load("cpu")
    right = {"lenet5": 0, "ffnn": 0}
    for image, label in zip(digits[0][:300], digits[1][:300], strict=True):
        for piece in classifier.classify(enlarged(image)).digits[:1]:
            for name, probabilities in piece.probabilities.items():
                right[name] += int(probabilities.argmax() == label)
                assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert min(right.values()) > 280


def test_real_digits_beside_each_other_are_read_as_a_number(digits: tuple[np.ndarray, np.ndarray]) -> None:
    classifier = load("cpu")
    right = 0
    for start in range(0, 80, 4):
        sketch = np.hstack([enlarged(image) for image in digits[0][start : start + 4]])
        number = "".join(map(str, digits[1][start : start + 4]))
        answer = classifier.classify(sketch)
        right += answer.number == number
        lefts = [piece.box[0] for piece in answer.digits]
        assert lefts == sorted(lefts)
    assert right >= 15


def test_the_tiny_reader_reads_bars_in_order() -> None:
    answer = load("cpu", TINY).classify(bars((2, SURE), (0, UNSURE), (2, BLOT), (6, SURE)))
    assert answer.number == "20?6"
    assert [piece.digit for piece in answer.digits] == [2, 0, None, 6]
    assert [piece.sure for piece in answer.digits] == [True, False, False, True]
    np.testing.assert_array_equal(answer.digits[3].box, [124, 85, 132, 97])


@pytest.mark.parametrize("value", range(10))
def test_the_tiny_reader_reads_every_digit(value: int) -> None:
    assert load("cpu", TINY).classify(bar(value)).number == str(value)


def test_the_committed_tiny_reader_is_the_one_that_its_script_makes(tmp_path: Path) -> None:
    make(tmp_path)
    assert (tmp_path / "reader.onnx").read_bytes() == (TINY / "reader.onnx").read_bytes()


@pytest.mark.parametrize("folder", [ONNX, TINY], ids=["committed", "tiny"])
def test_a_blank_sketch_holds_no_digits(folder: Path) -> None:
    answer = load("cpu", folder).classify(np.full((280, 280), 255, np.uint8))
    assert (answer.digits, answer.number) == ([], "")


def test_a_number_has_a_text_line_for_each_line_and_a_question_mark_for_other_ink() -> None:
    assert Answer([digit(2), digit(0), digit(None, 1), digit(7, 1)], 0.0).number == "20\n?7"


def test_a_digit_is_sure_from_a_probability_of_nine_tenths_on_and_other_ink_never() -> None:
    assert digit(3, confidence=0.9).sure
    assert not digit(3, confidence=0.89).sure
    assert not digit(None, confidence=1.0).sure


@pytest.mark.parametrize("folder", [ONNX, TINY], ids=["committed", "tiny"])
def test_looking_inside_does_not_change_the_answer(folder: Path) -> None:
    classifier = load("cpu", folder)
    closed, opened = (classifier.classify(bars((3, 8), (4, 8)), look_inside=inside) for inside in (False, True))
    assert closed.number == opened.number
    for one, other in zip(closed.digits, opened.digits, strict=True):
        np.testing.assert_array_equal(one.together, other.together)
    assert len(opened.maps) == len(opened.digits)
    for maps in opened.maps:
        assert {layer: values.shape for layer, values in maps.items()} == {
            "conv1": (6, 24, 24),
            "conv2": (16, 19, 19),
            "conv3": (120, 5, 5),
            "fc6": (84,),
        }
    assert closed.maps == []
