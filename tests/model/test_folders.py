"""--data names any number of folders; each gives what it holds, and only what none of them has is downloaded."""

import argparse
import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import InputError, folders, mnist, pendigits, ujipen
from model.folders import DownloadError, checked, find


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with one correction."""
    (tmp_path / "mine" / "3").mkdir(parents=True)
    (tmp_path / "mine" / "3" / "drawing.png").touch()
    return tmp_path / "mine"


def test_the_option_takes_several_folders() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    assert parser.parse_args([]).data == []
    assert parser.parse_args(["--data", "mine", "--data", "data"]).data == [Path("mine"), Path("data")]


def test_each_folder_gives_what_it_holds(data_folder: Path, mine: Path, tmp_path: Path) -> None:
    strokes = tmp_path / "strokes"
    strokes.mkdir()
    os.link(data_folder / "pendigits-orig.tra", strokes / "pendigits-orig.tra")
    named = checked([mine, strokes, data_folder])
    assert named == (mine, strokes, data_folder)
    assert find("pendigits-orig.tra", named) == strokes / "pendigits-orig.tra"
    assert find("mnist.npz", named) == data_folder / "mnist.npz"
    assert find("mnist.npz", (mine, strokes)) is None
    assert len(mnist.load(named)[0].labels) == 4_000
    assert len(pendigits.load(named).labels) == 300


def test_a_folder_that_is_named_twice_counts_once(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    assert checked([mine, Path("mine"), mine / "3" / ".."]) == (mine,)


def test_a_folder_that_does_not_exist_is_an_error(mine: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--data .*nowhere: there is no such folder\.$"):
        checked([mine, tmp_path / "nowhere"])
    with pytest.raises(InputError, match=r"^--data .*drawing\.png: it is neither a folder nor a zip file, or damaged"):
        checked([mine / "3" / "drawing.png"])


def test_a_file_of_a_data_set_is_an_error_that_names_its_folder(data_folder: Path) -> None:
    with pytest.raises(InputError, match=rf"^--data .*mnist\.npz: name its folder, --data {data_folder}\.$"):
        checked([data_folder / "mnist.npz"])


def test_a_folder_without_data_is_an_error(mine: Path) -> None:
    (mine / "3" / "drawing.png").unlink()
    with pytest.raises(InputError, match=r"^--data .*mine: the folder holds neither mnist\.npz, .* nor corrections\.$"):
        checked([mine])


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, name.encode() * 100)
    return path


def test_a_zip_of_corrections_is_taken_as_a_folder_is(mine: Path, tmp_path: Path) -> None:
    hand = zipped(tmp_path / "hand.zip", "7/001.png", "mine/3/a.png", "readme.txt", "__MACOSX/7/._001.png")
    named = checked([hand, mine])
    assert named == (hand, mine)
    assert folders.zipped_corrections(hand) == [("7/001.png", b"7/001.png" * 100), ("3/a.png", b"mine/3/a.png" * 100)]
    assert find("mnist.npz", named) is None


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), "holds no corrections"),
        (("a.png", "10/a.png", "7/a.jpg", "7/b/c.png"), "holds no corrections"),
        (tuple(f"{i % 10}/{i}.png" for i in range(5)), r"holds 5 corrections; at most 3 are read\."),
    ],
)
def test_a_zip_without_corrections_or_with_too_many_is_an_error(
    names: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_ZIPPED", 3)
    with pytest.raises(InputError, match=rf"^--data .*hand\.zip: .*{reason}"):
        checked([zipped(tmp_path / "hand.zip", *names)])


def test_a_damaged_zip_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = zipped(tmp_path / "hand.zip", "7/001.png")
    content = bytearray(hand.read_bytes())
    content[45] ^= 255
    hand.write_bytes(content)
    with pytest.raises(InputError, match=r"^--data .*hand\.zip: .*(damaged|cannot be read)"):
        checked([hand])
    hand.write_bytes(content[:60])
    with pytest.raises(InputError, match=r"^--data .*hand\.zip: .*damaged"):
        checked([hand])
    monkeypatch.setattr(folders, "MAX_BYTES", 100)
    with pytest.raises(InputError, match=r"7/001\.png in it is larger than 100 bytes"):
        checked([zipped(hand, "7/001.png")])


@pytest.mark.tensorflow
def test_what_no_folder_has_is_downloaded(
    data_folder: Path, mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served = data_folder / "mnist.npz"
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(mnist, "SOURCE", served.as_uri())
    monkeypatch.setattr(mnist, "SHA256", hashlib.sha256(served.read_bytes()).hexdigest())
    for named in ((), (mine,)):
        np.testing.assert_array_equal(mnist.load(named)[1].labels, mnist.load((data_folder,))[1].labels)
    assert (tmp_path / "datasets" / "mnist.npz").is_file()


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["mnist", "pendigits", "ujipen"])
def test_without_internet_the_error_names_the_file_the_folders_and_what_to_do(
    name: str, mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    data_set: Any
    data_set, file = {
        "mnist": (mnist, mnist.FILE),
        "pendigits": (pendigits, pendigits.TRAINING_FILE),
        "ujipen": (ujipen, ujipen.FILE),
    }[name]
    monkeypatch.setattr(data_set, "SOURCE", (tmp_path / "nothing").as_uri())
    message = rf"{file} is not in {mine} or {tmp_path} and could not be downloaded \(.*\)\. Download file:.*--data\."
    with pytest.raises(DownloadError, match=message):
        data_set.load((mine, tmp_path))
    with pytest.raises(DownloadError, match=rf"^{file} could not be downloaded"):
        data_set.load()
