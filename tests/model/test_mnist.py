"""MNIST is loaded completely or not at all, and an error says where to put the file."""

from pathlib import Path

import numpy as np
import pytest

from model import InputError, mnist


def test_load_reads_a_local_file(data_folder: Path) -> None:
    train, test = mnist.load((data_folder,))
    assert train.images.shape == (4_000, 28, 28)
    assert test.labels.shape == (250,)


def test_mnist_has_60_000_and_10_000_digits() -> None:
    assert mnist.COUNTS == (60_000, 10_000)


def test_split_takes_the_last_digits_for_validation(data_folder: Path) -> None:
    everything, _ = mnist.load((data_folder,))
    training, validation = mnist.split(everything, 1_200)
    assert len(training.labels) == 2_800
    np.testing.assert_array_equal(validation.images, everything.images[2_800:])


@pytest.mark.parametrize("damage", ["empty", "truncated", "overwritten", "another file"])
def test_a_damaged_file_is_reported(damage: str, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, x_train=digits[0], y_train=digits[1], x_test=digits[0], y_test=digits[1])
    whole = path.read_bytes()
    if damage == "another file":
        with path.open("wb") as file:
            np.save(file, digits[0])
    else:
        half = len(whole) // 2
        rest = {"empty": b"", "truncated": whole[:half], "overwritten": whole[:9_000] + bytes(half) + whole[-half:]}
        path.write_bytes(rest[damage])
    with pytest.raises(InputError, match="damaged"):
        mnist.load((tmp_path,))


@pytest.mark.parametrize(
    "changed",
    [
        {"x_train": np.zeros((4_000, 32, 32), np.uint8)},
        {"x_test": np.zeros((999, 28, 28), np.uint8)},
        {"x_train": np.zeros((4_000, 28, 28), np.float32)},
        {"y_test": np.full(250, 3, np.uint8)},
    ],
    ids=["size", "count", "type", "labels"],
)
def test_unexpected_arrays_are_refused(changed: dict[str, np.ndarray], data_folder: Path, tmp_path: Path) -> None:
    with np.load(data_folder / "mnist.npz") as arrays:
        np.savez(tmp_path / "mnist.npz", **{**arrays, **changed})
    with pytest.raises(InputError, match="instead of uint8|other labels"):
        mnist.load((tmp_path,))
