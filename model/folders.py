"""Find the files of the data sets in the folders that --data names, and download those that no folder has."""

import argparse
from pathlib import Path

from model import InputError

Folders = tuple[Path, ...]
"""Folders with data. A file is taken from the first one that has it; corrections are taken from all."""

FILES = ("mnist.npz", "pendigits-orig.tra", "pendigits-orig.tes", "ujipenchars2.txt", "ujipenchars2-digits.txt")
CORRECTIONS = "[0-9]/*.png"


class DownloadError(InputError):
    """A file is in no folder, and cannot be downloaded."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --data. Pass its value to checked()."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help=f"folder with any of {', '.join(FILES)} and corrections from the demo; "
        "repeat it for several folders; what none of them has is downloaded",
    )


def checked(named: list[Path]) -> Folders:
    """Return the folders, each once. Raises InputError if one does not exist or holds no data."""
    for folder in named:
        if not folder.is_dir():
            raise InputError(f"--data {folder}: there is no such folder.")
        if not any(any(folder.glob(pattern)) for pattern in (*FILES, CORRECTIONS)):
            raise InputError(f"--data {folder}: the folder holds neither {', '.join(FILES)} nor corrections.")
    return tuple({folder.resolve(): folder for folder in reversed(named)}.values())[::-1]


def find(name: str, folders: Folders) -> Path | None:
    """Return the path of the file `name`, one of FILES, in the first folder that has it."""
    assert name in FILES, f"checked() does not know {name}"
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def download(source: str, sha256: str, cached_as: str, folders: Folders, needed: str, remedy: str) -> Path:
    """Download `source` once and return its path in Keras' cache.

    Raises DownloadError if that fails. It says that the file `needed` is in none of `folders`, and what the user can
    do with `source` to get it.
    """
    import keras  # takes seconds, and only a download needs it

    try:
        return Path(keras.utils.get_file(cached_as, source, file_hash=sha256, cache_subdir="datasets"))
    except Exception as error:  # Keras raises a bare Exception for every failed download
        missing = f"{needed} is not in {' or '.join(map(str, folders))} and" if folders else needed
        reason = str(error).rpartition(" -- ")[2]  # Keras repeats the address
        raise DownloadError(
            f"{missing} could not be downloaded ({reason}). Download {source} on another machine, {remedy}, "
            "and pass that folder with --data."
        ) from error
