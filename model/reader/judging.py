"""What the networks say of ink, when it counts as a digit, and neighbours that are one digit together."""

from itertools import pairwise

import numpy as np

from model.normalize import SIDE
from model.reader.connecting import Part, union
from model.reader.cuts import Networks
from model.reader.grouping import HIGHEST, overlap
from model.reader.imaging import image_of
from model.reader.shading import Sheet

NEAR = 0.3  # of their line's height: parts that are farther apart are no digit together
SURE = 0.9  # probability: what the networks read so surely is one digit, unless it is wider than any
WIDE = 1.5  # times its height: no digit is wider
PROBABLE = 0.5  # probability of the digit that counts
OPEN = 3.0  # digits: what leaves as many open is none
LEAST = 1e-9  # a probability below it counts as this

# Ink is compared with a filled rectangle, whose mass is 12 times the root of the determinant of its covariance.
SOLID = (0.95 * 12) ** 2  # times that determinant, of the mass's square: more is a smear
TINY = 12.0  # square pixels of the image: what strays less from its centre is a dot; every digit's ink strays 24
LONG = 8.41  # times the determinant, of the trace's square: longer ink is no smear, but a 1 with a thick pen
POWERS = (np.arange(SIDE, dtype=np.float32)[:, None] - (SIDE - 1) / 2) ** np.arange(3, dtype=np.float32)
"""1, the distance from the middle and its square, of each row or column: [28, 3]. POWERS.T @ image @ POWERS are the
image's moments."""


def judged(networks: Networks, images: np.ndarray) -> np.ndarray:
    """Ask both networks: probabilities float32 [count, 3, 10], LeNet5's, FFNN's, and their mean."""
    return with_mean(networks(images)) if len(images) else np.zeros((0, 3, 10), np.float32)


def with_mean(both: np.ndarray) -> np.ndarray:
    """The answers of both networks [count, 2, 10], and their mean: [count, 3, 10]."""
    return np.concatenate([both, both.mean(axis=1, keepdims=True)], axis=1)


def is_read(mean: np.ndarray) -> np.ndarray:
    """Whether the mean of both networks' probabilities, [..., 10], tells a digit: bool [...].

    One digit is more probable than all others together, and few are open. How many are open is the perplexity, e to the
    power of the entropy: 1 if one is certain, 10 if all are equally probable. Letters leave more open than digits that
    are hard to read.
    """
    entropy = -(mean * np.log(np.maximum(mean, LEAST))).sum(axis=-1)
    return (mean.max(axis=-1) > PROBABLE) & (entropy < np.log(OPEN))


def surely(networks: Networks, images: np.ndarray) -> float:
    """How sure the networks are of an image [1, 28, 28] as a digit."""
    answer = judged(networks, images)[0]
    return 0.0 if digit(images[0], answer) < 0 else float(answer[2].max())


def digit(image: np.ndarray, answer: np.ndarray, is_beside_digits: bool = False) -> int:
    """The digit that an image shows after the networks' answer [3, 10], or -1.

    Beside digits it counts however many others are open, if it is more probable than all of them together.
    """
    counts = answer[2].max() > PROBABLE if is_beside_digits else is_read(answer[2])
    return int(answer[2].argmax()) if counts and not is_smear(image) else -1


def is_smear(image: np.ndarray) -> bool:
    """Whether ink has no form but its outline's: it is a dot, or as dense as a filled rectangle, and not long."""
    (mass, x, xx), (y, yx, _), (yy, _, _) = POWERS.T @ image @ POWERS
    yy, xx, yx = mass * yy - y * y, mass * xx - x * x, mass * yx - y * x  # the covariance times the mass's square
    determinant = yy * xx - yx * yx
    is_dense = mass**6 > SOLID * determinant and (yy + xx) ** 2 < LONG * determinant
    return bool(is_dense or yy + xx < TINY * mass**2)


def joined(
    lines: list[list[Part]], seen: np.ndarray, probabilities: np.ndarray, sheet: Sheet, networks: Networks
) -> tuple[list[list[Part]], np.ndarray, np.ndarray]:
    """Join neighbours of which one is not surely a digit, if they are surely one together: the strokes of a 4.

    `seen` and `probabilities` are those of all groups, [count, 28, 28] and [count, 3, 10]. Returns the same for those
    that remain.
    """
    sure = probabilities[:, 2].max(axis=1, initial=0)
    unions = {}
    number = 0
    for line in lines:
        height = max(group.height for group in line)
        for i, (a, b) in enumerate(pairwise(line), number):
            both = union([a, b])
            is_near = -overlap(a.left, a.right, b.left, b.right) <= NEAR * height
            may_be_one = both.width <= WIDE * both.height and both.height <= HIGHEST * height
            if is_near and may_be_one and min(sure[i : i + 2]) < SURE:
                unions[i] = both
        number += len(line)
    if not unions:
        return lines, seen, probabilities
    images = np.array([image_of(both, sheet) for both in unions.values()])
    answers = judged(networks, images)
    surely = np.zeros(len(seen) + 1)
    surely[[*unions]] = [a[2].max() if digit(i, a) >= 0 else 0 for i, a in zip(images, answers, strict=True)]
    found = {
        i: (image, answer)
        for i, image, answer in zip(unions, images, answers, strict=True)
        if surely[i] > SURE and surely[i - 1] < surely[i] >= surely[i + 1]
    }
    for i, (image, answer) in found.items():
        seen[i], probabilities[i] = image, answer
    number = 0
    left: list[list[Part]] = []
    for line in lines:
        numbered = enumerate(line, number)
        left.append([unions[i] if i in found else group for i, group in numbered if i - 1 not in found])
        number += len(line)
    kept = [i for i in range(number) if i - 1 not in found]
    return left, seen[kept], probabilities[kept]
