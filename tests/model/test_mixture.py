"""A recipe trains on the data it names: MNIST, pens of the training writers, more styles, and non-digits."""

import dataclasses

import numpy as np
import pytest

from model import touching, ujipen
from model.mixture import batches, examples, steps_per_epoch, targets
from model.mnist import Digits
from model.pendigits import TEST_WRITERS, VALIDATION_WRITERS
from model.recipes import Recipe
from model.styles import NON_DIGIT
from model.train import build
from tests.stand_ins import few_pens

MIXED = Recipe("mixed", "AdamW", 1e-3, validation=1_000, pen_copies=2, styles=50, non_digits=30)
TRAINING_PENS = 300 - 10 * len({*VALIDATION_WRITERS, *TEST_WRITERS})

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("few_data")]


@pytest.fixture(scope="module")
def mixed(few_data: None) -> tuple[Digits, dict[str, Digits]]:
    """The examples of MIXED with seed 0."""
    return examples(MIXED, 0, ())


def test_the_recipe_sets_the_number_of_examples(mixed: tuple[Digits, dict[str, Digits]]) -> None:
    training, held_out = mixed
    assert len(training.images) == len(training.labels) == 3_000 + 2 * TRAINING_PENS + 50 + 30
    assert (training.labels == NON_DIGIT).sum() == 30
    assert {title: len(digits.labels) for title, digits in held_out.items()} == {"MNIST": 1_000, "pens": 30}
    assert training.images.shape[1:] == (28, 28)
    assert training.images.dtype == np.uint8


def test_held_out_writers_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def remember(sketches: object, count: int) -> np.ndarray:
        counts.append(count)
        return np.zeros((count, 28, 28), np.uint8)

    pens = few_pens()
    labels = np.where(np.isin(pens.writers, [*VALIDATION_WRITERS, *TEST_WRITERS]), 9, 1).astype(np.uint8)
    monkeypatch.setattr("model.pendigits.load", lambda folders: pens._replace(labels=labels))
    monkeypatch.setattr("model.mixture.normalize_all", remember)
    recipe = dataclasses.replace(MIXED, styles=0, non_digits=0)
    training, held_out = examples(recipe, 0, ())
    assert (training.labels[3_000:] == 1).all()
    assert (held_out["pens"].labels == 9).all()
    assert counts == [2 * TRAINING_PENS, 30]


def test_a_recipe_adds_ujis_training_writers(mixed: tuple[Digits, dict[str, Digits]]) -> None:
    held_out = 20 * len({*ujipen.VALIDATION_WRITERS, *ujipen.TEST_WRITERS})
    recipe = dataclasses.replace(MIXED, uji_copies=3)
    training, validation = examples(recipe, 0, ())
    assert len(training.images) == 3_000 + 2 * TRAINING_PENS + 3 * (400 - held_out) + 50 + 30
    assert {title: len(digits.labels) for title, digits in validation.items()} == {
        "MNIST": 1_000,
        "pens": 30,
        "UJI pens": 160,
    }
    without, _ = mixed
    assert recipe.parts != MIXED.parts
    np.testing.assert_array_equal(training.labels[: 3_000 + 2 * TRAINING_PENS], without.labels[:-80])


def test_a_recipe_switches_each_rare_style_on_by_its_name(mixed: tuple[Digits, dict[str, Digits]]) -> None:
    recipe = dataclasses.replace(MIXED, rare=("1 long flag", "half a 4"), rare_each=7)
    assert recipe.parts != MIXED.parts
    (training, _), (without, _) = examples(recipe, 0, ()), mixed
    assert training.labels[-14:].tolist() == [1] * 7 + [NON_DIGIT] * 7
    np.testing.assert_array_equal(training.labels[:-14], without.labels)


def test_a_recipe_adds_letters_as_non_digits() -> None:
    training, _ = examples(dataclasses.replace(MIXED, letters=9), 0, ())
    assert (training.labels == NON_DIGIT).sum() == 30 + 9


def test_a_recipe_adds_what_cutting_leaves_of_touching_numbers(mixed: tuple[Digits, dict[str, Digits]]) -> None:
    recipe = dataclasses.replace(MIXED, touching=5)
    assert recipe.parts != MIXED.parts
    (training, _), (without, _) = examples(recipe, 0, ()), mixed
    count = len(without.labels)
    np.testing.assert_array_equal(training.labels[:count], without.labels)
    assert 5 <= len(training.labels) - count <= 5 * (3 * touching.OF_EACH + touching.NO_DIGITS)


def test_ujis_held_out_writers_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = ujipen.load().digits
    held_out = np.isin(digits.writers, [*ujipen.VALIDATION_WRITERS, *ujipen.TEST_WRITERS])
    marked = digits._replace(labels=np.where(held_out, 9, 1).astype(np.uint8))
    monkeypatch.setattr(ujipen, "load", lambda folders: ujipen.Characters(marked, {}))
    recipe = dataclasses.replace(MIXED, uji_copies=1, styles=0, non_digits=0)
    training, validation = examples(recipe, 0, ())
    assert (training.labels[3_000 + 2 * TRAINING_PENS :] == 1).all()
    assert (validation["UJI pens"].labels == 9).all()


def test_each_copy_of_a_pen_digit_has_a_different_brush() -> None:
    training, _ = examples(dataclasses.replace(MIXED, styles=0, non_digits=0), 0, ())
    first, second = np.split(training.images[3_000:].astype(int), 2)
    ink = np.array([first.sum(axis=(1, 2)), second.sum(axis=(1, 2))])
    assert (np.abs(ink[0] / ink[1] - 1) > 0.02).mean() > 0.9
    assert ink.max() > 3 * ink.min()


def test_the_seed_decides_every_drawing(mixed: tuple[Digits, dict[str, Digits]]) -> None:
    (one, _), (same, _), (other, _) = mixed, *(examples(MIXED, seed, ()) for seed in (0, 1))
    np.testing.assert_array_equal(one.images, same.images)
    assert (one.images[3_000:] != other.images[3_000:]).any(axis=(1, 2)).mean() > 0.9


def test_the_target_of_a_digit_is_nearly_certain_and_that_of_a_non_digit_is_uniform() -> None:
    recipe = dataclasses.replace(MIXED, smoothing=0.05)
    digit, none = targets(np.array([3, NON_DIGIT]), recipe)
    assert digit[3] == pytest.approx(0.955)
    assert np.delete(digit, 3) == pytest.approx(0.005)
    assert none == pytest.approx(0.1)


@pytest.mark.parametrize(("count", "steps"), [(3_000, 30), (10_010, 100), (10_001, 100), (60_000, 600)])
def test_an_epoch_of_more_than_100_steps_has_a_multiple_of_25(count: int, steps: int) -> None:
    training = Digits(np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8))
    recipe = dataclasses.replace(MIXED, batch_size=100, epochs=2)
    assert steps_per_epoch(training, recipe) == steps
    assert sum(1 for _ in batches(training, recipe, 0, build("ffnn", recipe))) == 2 * steps


def test_a_resumed_epoch_has_the_same_batches_as_an_uninterrupted_one() -> None:
    training, _ = examples(dataclasses.replace(MIXED, pen_copies=0), 0, ())
    recipe = dataclasses.replace(MIXED, batch_size=600, epochs=2, distort=1.0)
    network = build("ffnn", recipe)
    begun, resumed, other = (
        [(images.numpy(), answers.numpy()) for images, answers in batches(training, recipe, seed, network, first)]
        for seed, first in ((0, 0), (0, 1), (1, 1))
    )
    assert (len(begun), len(resumed)) == (10, 5)
    for (images, answers), (same, same_answers) in zip(begun[5:], resumed, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(answers, same_answers)
    assert (begun[0][1] != begun[5][1]).any()
    assert (resumed[0][1] != other[0][1]).any()


def test_a_recipe_without_drawings_needs_no_pens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("model.pendigits.load")
    training, held_out = examples(Recipe("plain", "SGD", 0.01, validation=1_000), 0, ())
    assert len(training.labels) == 3_000
    assert list(held_out) == ["MNIST"]
