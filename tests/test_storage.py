"""Files that exist whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from genmix.errors import OutputError
from genmix.storage import cache_folder, write_whole


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
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "cannot write"), (errno.EROFS, "cannot")],
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


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose a folder"):
        write_whole(tmp_path / "file" / "x.txt", b"")


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENMIX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("GENMIX_CACHE")
    assert "genmix" in cache_folder().parts
