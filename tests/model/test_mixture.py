"""A recipe's images are what it says: MNIST, pens of the training writers, more styles, and what is no digit."""

import dataclasses

import numpy as np
import pytest

from model.mixture import NO_DIGIT, batches, examples, steps_per_epoch, targets
from model.mnist import Digits
from model.recipes import Recipe
from model.strokes import TEST_WRITERS, VALIDATION_WRITERS
from model.train import build
from tests.conftest import few_pens

MIXED = Recipe("mixed", "AdamW", 1e-3, validation=1_000, drawn=2, styles=50, non_digits=30)
TRAINING_PENS = 600 - 20 * len({*VALIDATION_WRITERS, *TEST_WRITERS})

pytestmark = pytest.mark.usefixtures("few_digits")


def test_counts_are_those_of_the_recipe() -> None:
    training, held_out = examples(MIXED, 0, None)
    assert len(training.images) == len(training.labels) == 3_000 + 2 * TRAINING_PENS + 50 + 30
    assert (training.labels == NO_DIGIT).sum() == 30
    assert {title: len(digits.labels) for title, digits in held_out.items()} == {"MNIST": 1_000, "pens": 60}
    assert training.images.shape[1:] == (28, 28)
    assert training.images.dtype == np.uint8


def test_held_out_writers_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def remember(sketches: object, count: int) -> np.ndarray:
        drawn.append(count)
        return np.zeros((count, 28, 28), np.uint8)

    pens = few_pens()
    labels = np.where(np.isin(pens.writers, [*VALIDATION_WRITERS, *TEST_WRITERS]), 9, 1).astype(np.uint8)
    monkeypatch.setattr("model.strokes.load", lambda folder: pens._replace(labels=labels))
    monkeypatch.setattr("model.strokes.images", remember)
    plan = dataclasses.replace(MIXED, styles=0, non_digits=0)
    training, held_out = examples(plan, 0, None)
    assert (training.labels[3_000:] == 1).all()
    assert (held_out["pens"].labels == 9).all()
    assert drawn == [2 * TRAINING_PENS, 60]


def test_each_drawing_of_a_pen_digit_has_another_brush() -> None:
    training, _ = examples(dataclasses.replace(MIXED, styles=0, non_digits=0), 0, None)
    first, second = np.split(training.images[3_000:].astype(int), 2)
    ink = np.array([first.sum(axis=(1, 2)), second.sum(axis=(1, 2))])
    assert (np.abs(ink[0] / ink[1] - 1) > 0.02).mean() > 0.9
    assert ink.max() > 3 * ink.min()


def test_the_seed_decides_every_drawing() -> None:
    (one, _), (same, _), (other, _) = (examples(MIXED, seed, None) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.images, same.images)
    assert (one.images[3_000:] != other.images[3_000:]).any(axis=(1, 2)).mean() > 0.9


def test_a_digit_is_taught_as_nearly_certain_and_what_is_none_as_anything() -> None:
    plan = dataclasses.replace(MIXED, smoothing=0.05)
    digit, none = targets(np.array([3, NO_DIGIT]), plan)
    assert digit[3] == pytest.approx(0.955)
    assert np.delete(digit, 3) == pytest.approx(0.005)
    assert none == pytest.approx(0.1)


@pytest.mark.parametrize(("count", "steps"), [(3_000, 30), (10_010, 100), (10_001, 100), (60_000, 600)])
def test_many_steps_can_be_run_at_a_stretch(count: int, steps: int) -> None:
    training = Digits(np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8))
    plan = dataclasses.replace(MIXED, batch_size=100, epochs=2)
    assert steps_per_epoch(training, plan) == steps
    assert sum(1 for _ in batches(training, plan, 0, build("ffnn", plan))) == 2 * steps


def test_an_epoch_is_the_same_whether_training_began_or_resumed_with_it() -> None:
    training, _ = examples(dataclasses.replace(MIXED, drawn=0), 0, None)
    plan = dataclasses.replace(MIXED, batch_size=600, epochs=2, distort=1.0)
    network = build("ffnn", plan)
    begun, resumed, other = (
        [(images.numpy(), answers.numpy()) for images, answers in batches(training, plan, seed, network, first)]
        for seed, first in ((0, 0), (0, 1), (1, 1))
    )
    assert (len(begun), len(resumed)) == (10, 5)
    for (images, answers), (same, same_answers) in zip(begun[5:], resumed, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(answers, same_answers)
    assert (begun[0][1] != begun[5][1]).any()
    assert (resumed[0][1] != other[0][1]).any()


def test_a_recipe_without_drawings_needs_no_pens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("model.strokes.load")
    training, held_out = examples(Recipe("plain", "SGD", 0.01, validation=1_000), 0, None)
    assert len(training.labels) == 3_000
    assert list(held_out) == ["MNIST"]
