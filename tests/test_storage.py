"""Files that exist whole or not at all."""

import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from genmix.errors import OutputError
from genmix.storage import cache_folder, check_file, write_first, write_whole


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b.txt", b"whole")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"whole"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_the_users_umask_holds(tmp_path: Path) -> None:
    write_whole(tmp_path / "shared.txt", b"")
    (tmp_path / "plain.txt").touch()
    modes = {(tmp_path / name).stat().st_mode for name in ("shared.txt", "plain.txt")}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EFBIG, "larger than is allowed"),
        (errno.EACCES, "cannot write"),
        (errno.EROFS, "cannot"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
def test_a_refusal_leaves_the_old_file_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    path = tmp_path / "kept.txt"
    path.write_bytes(b"before")

    def refuse(*_: Path) -> Path:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match=words):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize("write", [lambda path: write_whole(path, b""), check_file])
def test_a_file_for_a_folder_and_a_folder_for_a_file_are_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    (file := tmp_path / "file").touch()
    (folder := tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"{file} is a file; choose a folder"):
        write(file / "x.txt")
    with pytest.raises(OutputError, match="it is a folder; give the name of a file"):
        write(folder)
    assert sorted(tmp_path.iterdir()) == [file, folder]


def test_of_several_who_write_a_file_at_once_the_first_does(tmp_path: Path) -> None:
    path, together = tmp_path / "a" / "b.txt", threading.Barrier(8)

    def write(k: int) -> bool:
        together.wait()
        return write_first(path, bytes([k]) * 100_000)

    with ThreadPoolExecutor(8) as threads:
        wrote = list(threads.map(write, range(8)))
    assert wrote.count(True) == 1
    assert path.read_bytes() == bytes([wrote.index(True)]) * 100_000
    assert list(path.parent.iterdir()) == [path]


def test_without_hard_links_a_file_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "b.txt"
    assert write_first(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_is_tried_without_touching_what_lies_there(tmp_path: Path) -> None:
    (old := tmp_path / "old.txt").write_bytes(b"kept")
    check_file(old)
    check_file(tmp_path / "new" / "new.txt")
    assert old.read_bytes() == b"kept"
    assert list((tmp_path / "new").iterdir()) == []


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENMIX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("GENMIX_CACHE")
    assert "genmix" in cache_folder().parts
