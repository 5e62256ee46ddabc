"""A group of ink is cut along seams, and read as the best row of digits."""

import numpy as np

from model.reader import cuts
from model.reader.cuts import ROWS

SIDE_BY_SIDE = 30, 34  # columns of the gap between two blocks of ink


def bridged() -> np.ndarray:
    """Two blocks of ink with a bridge of three rows between them."""
    filled = np.zeros((ROWS, 66), np.float32)
    filled[:, 2 : SIDE_BY_SIDE[0]] = filled[:, SIDE_BY_SIDE[1] : 64] = 1
    filled[20:23, 2:64] = 1
    return filled


def blocks(images: np.ndarray) -> np.ndarray:
    """Stands for both networks: ink that is higher than wide is a 3, all else is no digit."""
    answers = np.full((len(images), 2, 10), 0.1, np.float32)
    for answer, image in zip(answers, images, strict=True):
        if np.count_nonzero(image.max(axis=0) > 0.5) < np.count_nonzero(image.max(axis=1) > 0.5):
            answer[:] = 0.01 / 9
            answer[:, 3] = 0.99
    return answers


def test_a_seam_runs_through_the_bridge_and_nowhere_through_the_blocks() -> None:
    bounds, costs = cuts.seams(bridged())
    cheapest = bounds[costs.argmin()]
    assert costs.min() == cuts.ENTER + 3 * cuts.ALONG
    assert cheapest.min() > SIDE_BY_SIDE[0]
    assert cheapest.max() <= SIDE_BY_SIDE[1]


def test_seams_go_down_a_row_a_step_and_lie_apart() -> None:
    bounds, _ = cuts.seams(np.random.default_rng(0).integers(0, 2, (ROWS, 70)).astype(np.float32))
    assert 1 < len(bounds) <= cuts.SEAMS
    assert np.abs(np.diff(bounds, axis=1)).max() <= 1
    away = np.abs(bounds[:, None] - bounds).mean(axis=2)
    assert away[~np.eye(len(bounds), dtype=bool)].min() >= cuts.NEAR


def test_only_the_whole_may_be_low_or_wide() -> None:
    filled = np.random.default_rng(0).integers(0, 2, (ROWS, 150)).astype(np.float32)
    filled[: ROWS // 2, 75:] = 0
    bounds, costs = cuts.seams(filled)
    spans, _ = cuts.spans_of(filled, filled, bounds, costs, ROWS)
    whole = (spans.start == 0) & (spans.end == len(bounds) + 1)
    height, width = spans.bottom - spans.top, spans.right - spans.left
    assert whole.sum() == 1
    assert height[~whole].min() >= cuts.SMALL * ROWS
    assert (width <= cuts.WIDE * height)[~whole].all()


def test_two_blocks_are_two_digits_with_their_boxes_and_nothing_of_each_other() -> None:
    filled = bridged()
    digits = cuts.digits_of(filled, filled, ROWS, blocks)
    assert digits.answers.mean(axis=1).argmax(axis=1).tolist() == [3, 3]
    left, right = np.stack([digits.spans.left, digits.spans.right])
    assert left[1] == right[0]
    assert SIDE_BY_SIDE[0] <= right[0] <= SIDE_BY_SIDE[1]
    assert np.stack([digits.spans.top, digits.spans.bottom]).tolist() == [[0, 0], [ROWS, ROWS]]
    for image in digits.images:
        assert image.max() == 1
        y, x = np.average(np.indices(image.shape).reshape(2, -1), axis=1, weights=image.ravel())
        np.testing.assert_allclose([y, x], 14, atol=0.02)


def test_a_one_is_less_likely_a_digit_than_a_zero_as_sure_and_a_narrow_one_less_than_one_with_a_flag() -> None:
    zero, one = (np.full((1, 2, 10), 0.1 / 9) for _ in range(2))
    zero[..., 0] = one[..., 1] = 0.9
    narrow, wide = (cuts.Spans(*np.array([[0], [1], [0], [0], [w], [ROWS], [0], [0], [100]])) for w in (8, 20))
    goodness = [cuts.goodness(*each)[0] for each in ((narrow, ROWS, one), (wide, ROWS, one), (wide, ROWS, zero))]
    assert goodness == sorted(goodness)
    assert len(set(goodness)) == 3


def test_the_best_way_goes_through_no_span_that_is_worse() -> None:
    start, end = np.array([0, 0, 1, 0, 2]), np.array([1, 2, 2, 3, 3])
    spans = cuts.Spans(start, end, *np.zeros((7, 5)))
    goodness = np.array([1.0, 1.5, 1.0, 2.0, 0.5])
    assert cuts.best_way(spans, goodness).tolist() == [0, 2, 4]
    np.testing.assert_array_equal(cuts.through(spans, goodness), [2.5, 2, 2.5, 2, 2.5])


def test_a_way_of_more_pieces_than_are_kept_is_none() -> None:
    ends = np.array([1, 2, 4])  # the piece from 2 to 4 is missing, as are those from 3
    starts = np.array([0, 1, 3])
    spans = cuts.Spans(starts, ends, *np.zeros((7, 3)))
    assert cuts.best_way(spans, np.ones(3)).tolist() == []
    block = np.pad(np.ones((ROWS, 400)), ((0, 0), (1, 1)))

    def narrow_ones(images: np.ndarray) -> np.ndarray:
        """Stands for networks that take every narrow piece for a 1."""
        answers = np.full((len(images), 2, 10), 0.1, np.float32)
        answers[(images.max(axis=1) > 0).sum(axis=1) < 8] = 0.99 * np.eye(10)[1] + 0.001
        return answers

    assert len(cuts.digits_of(block, block, ROWS, narrow_ones).goodness) in (0, 1)
