"""Find the files of the data sets in the folders that --data names, and download those that no folder has."""

import argparse
import re
import zipfile
import zlib
from pathlib import Path

from model import InputError

Folders = tuple[Path, ...]
"""Folders with data, or zip files of corrections. A file is taken from the first folder that has it; corrections are
taken from all."""

FILES = ("mnist.npz", "pendigits-orig.tra", "pendigits-orig.tes", "ujipenchars2.txt", "ujipenchars2-digits.txt")
CORRECTIONS = "[0-9]/*.png"
ZIPPED = re.compile(r"(?:.*/)?([0-9]/[^/.][^/]*\.png)", re.IGNORECASE)  # a correction in a zip, also below folders
MAX_ZIPPED = 10_000  # as many as the demo stores
MAX_BYTES = 10_000_000  # of one correction


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
        help=f"folder with any of {', '.join(FILES)} and corrections from the demo, or a zip of corrections that the "
        "page saved; repeat it for several; what none of them has is downloaded",
    )


def checked(named: list[Path]) -> Folders:
    """Return the folders and zip files, each once. Raises InputError if one does not exist or holds no data."""
    for folder in named:
        if folder.is_file():
            if folder.name in FILES:
                raise InputError(f"--data {folder}: name its folder, --data {folder.parent}.")
            if not zipped_corrections(folder):
                raise InputError(f"--data {folder}: the zip file holds no corrections, DIGIT/NAME.png.")
            continue
        if not folder.is_dir():
            raise InputError(f"--data {folder}: there is no such folder.")
        if not any(any(folder.glob(pattern)) for pattern in (*FILES, CORRECTIONS)):
            raise InputError(f"--data {folder}: the folder holds neither {', '.join(FILES)} nor corrections.")
    return tuple({folder.resolve(): folder for folder in reversed(named)}.values())[::-1]


def zipped_corrections(path: Path) -> list[tuple[str, bytes]]:
    """Return the corrections in a zip file: the name, DIGIT/NAME.png, and the content of each.

    Raises InputError if the file is not a zip, encrypted, damaged, or holds more than MAX_ZIPPED corrections or larger
    ones than MAX_BYTES.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [(match[1], info) for info in archive.infolist() if (match := ZIPPED.fullmatch(info.filename))]
            if len(members) > MAX_ZIPPED:
                raise InputError(
                    f"--data {path}: it holds {len(members):,} corrections; at most {MAX_ZIPPED:,} are read."
                )
            for _, info in members:
                if info.file_size > MAX_BYTES:
                    raise InputError(f"--data {path}: {info.filename} in it is larger than {MAX_BYTES:,} bytes.")
            return [(name, archive.read(info)) for name, info in members]
    except zipfile.BadZipFile as error:
        raise InputError(f"--data {path}: it is neither a folder nor a zip file, or damaged ({error}).") from error
    except (RuntimeError, NotImplementedError, zlib.error, EOFError) as error:  # encrypted, of another method, damaged
        raise InputError(f"--data {path}: the zip file cannot be read ({error}). Save it again.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


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
