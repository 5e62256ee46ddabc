"""Accuracy, calibration error and temperature are computed correctly."""

import numpy as np
import pytest

from model.scores import calibration_error, score, temperature


def test_a_score_holds_the_accuracy_its_standard_error_and_that_of_every_digit() -> None:
    labels = np.repeat(np.arange(10), 10).astype(np.uint8)
    read = labels.astype(int)
    read[10:14] = 7
    result = score("MNIST test", read, labels)
    assert result.accuracy == 0.96
    assert result.error == pytest.approx((0.96 * 0.04 / 100) ** 0.5, abs=1e-6)
    assert result.per_digit[1] == 0.6
    assert result.confusion[1][7] == 4
    assert np.trace(result.confusion) == 96
    assert str(result) == "96.00 ± 1.96 %"


def test_answers_as_confident_as_they_are_accurate_have_no_calibration_error() -> None:
    answers = np.full((100, 10), 0.2 / 9)
    answers[:, 4] = 0.8
    labels = np.where(np.arange(100) < 80, 4, 5).astype(np.uint8)
    assert calibration_error(answers, labels) == pytest.approx(0, abs=1e-9)
    assert calibration_error(answers, np.full(100, 4, np.uint8)) == pytest.approx(0.2)
    assert calibration_error(np.eye(10)[labels], np.full(100, 4, np.uint8)) == pytest.approx(0.2)


def test_the_temperature_corrects_overconfident_probabilities() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(6_000, 10))
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (truth.cumsum(axis=1) < random.random((6_000, 1))).sum(axis=1).astype(np.uint8)
    too_sure = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    assert temperature(truth, labels) == pytest.approx(1, rel=0.05)
    assert temperature(too_sure, labels) == pytest.approx(3, rel=0.05)
