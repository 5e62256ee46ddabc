"""Uploaded files are stored for a limited time, within a limit of size, and no other file counts as one."""

import os
from pathlib import Path

import pytest

from demo.limits import Limits
from demo.networks.files import SetupError
from demo.uploads import Uploads


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "made"))
    return Uploads(Limits(uploads_bytes=150_000, uploads_seconds=600))


def put(uploads: Uploads, name: str, age: float = 0) -> Path:
    """A file in a folder of its own, as Gradio stores it, `age` seconds old."""
    path = uploads.folder / name / "image.png"
    path.parent.mkdir()
    path.write_bytes(b"x")
    for each in (path, path.parent):
        os.utime(each, (path.stat().st_atime, path.stat().st_mtime - age))
    return path


def test_files_are_stored_in_a_folder_of_this_process(uploads: Uploads, tmp_path: Path) -> None:
    assert uploads.folder.parent == tmp_path / "made"
    assert os.environ["GRADIO_TEMP_DIR"] == str(uploads.folder)


def test_old_files_are_deleted_with_their_folders(uploads: Uploads) -> None:
    old, new = put(uploads, "old", age=601), put(uploads, "new", age=500)
    uploads.delete_old_files()  # deleting a file makes its folder new
    assert not old.exists()
    assert new.exists()
    os.utime(old.parent, (0, 0))
    uploads.delete_old_files()
    assert not old.parent.exists()


def test_only_files_in_the_folder_are_uploads(uploads: Uploads, tmp_path: Path) -> None:
    path = put(uploads, "a")
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"x")
    assert uploads.holds(str(path))
    detour = f"{path.parent}/../a/image.png"
    for other in (str(outside), detour, f"http://x/../../{path}", path.parent, "image.png", "\0", "x" * 9_999, 7, None):
        assert not uploads.holds(other), other


def test_uploads_beyond_the_limit_are_refused(uploads: Uploads) -> None:
    """A small file is charged 10,000 bytes, because it also takes a folder."""
    sizes = [(60_000, 1), (60_000, 1), (60_000, 1), (1, 1), (1, 2), (1, 1)]
    assert [uploads.charge(size, files) for size, files in sizes] == [True, True, False, True, True, False]


def test_deleted_files_make_room(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uploads.charge(150_000, 1)
    assert not uploads.charge(1, 1)
    first, _ = uploads.charges[0]
    monkeypatch.setattr("time.monotonic", lambda: first + 601)
    assert uploads.charge(150_000, 1)


def test_the_error_without_a_temporary_folder_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    with pytest.raises(SetupError, match=r"cannot create .*: File exists\. Set GRADIO_TEMP_DIR"):
        Uploads(Limits())
