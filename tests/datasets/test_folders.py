"""Class folders: which files are photos, which class they get, and what is said of the rest."""

import os
import pickle
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from genmix.datasets import Photo, open_source
from genmix.errors import ImageError, SourceError
from tests.datasets.layouts import PICTURE, found, labels, put, reasons


def test_the_first_folder_is_the_class_at_any_depth(tmp_path: Path) -> None:
    put(tmp_path, "dog/1.jpg", "cat/2.jpg", "cat/indoor/left/1.png", "cat/indoor/1.png")
    source = open_source(tmp_path)
    assert labels(source) == {
        "cat/2.jpg": "cat",
        "cat/indoor/1.png": "cat",
        "cat/indoor/left/1.png": "cat",
        "dog/1.jpg": "dog",
    }
    assert [photo.path for photo in source.photos] == sorted(labels(source))
    assert not source.ignored
    assert source.read(source.photos[0]) == PICTURE
    assert source.locate(source.photos[0]) == tmp_path / "cat/2.jpg"


def test_classes_and_counts_are_those_of_torchvision(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    put(tmp_path, "cat/1.jpg", "cat/in/2.PNG", "cat/in/deep/3.webp", "犬/1.jpeg", "B/x.tiff")
    put(tmp_path, "cat/notes.txt", "B/.hidden/readme.md", data=b"text")
    theirs = ImageFolder(tmp_path)
    ours = open_source(tmp_path)
    assert sorted({photo.label for photo in ours.photos}) == theirs.classes
    assert Counter(photo.label for photo in ours.photos) == Counter(
        theirs.classes[target] for target in theirs.targets
    )


def test_labels_keep_spaces_capitals_and_every_script(tmp_path: Path) -> None:
    put(tmp_path, "Golden Retriever/1.jpg", "柴犬/1.jpg", "100%/1.jpg", " padded /1.jpg")
    expected = {"Golden Retriever", "柴犬", "100%", " padded "}
    assert set(found(tmp_path)[0].values()) == expected


def test_hidden_files_and_litter_are_not_mentioned(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.jpg", "cat/.2.jpg", ".git/3.jpg", "__MACOSX/cat/._1.jpg")
    put(tmp_path, ".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "cat/desktop.ini", data=b"x")
    assert found(tmp_path) == ({"cat/1.jpg": "cat"}, {})


def test_a_file_without_a_known_extension_is_judged_by_its_beginning(tmp_path: Path) -> None:
    put(tmp_path, "cat/1", "cat/2.bin", "cat/3.jfif")
    put(tmp_path, "cat/notes.txt", "cat/LICENSE", data=b"text")
    put(tmp_path, "cat/empty", data=b"")
    photos, ignored = found(tmp_path)
    assert sorted(photos) == ["cat/1", "cat/2.bin", "cat/3.jfif"]
    assert ignored == {
        "cat/notes.txt": "not an image (.txt)",
        "cat/LICENSE": "not an image (no extension)",
        "cat/empty": "not an image (no extension)",
    }


def test_a_known_extension_is_a_photo_whatever_it_holds(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.JPG", "cat/2.jpeg", data=b"not a picture")
    assert len(open_source(tmp_path).photos) == 2


def test_what_is_no_photo_of_a_class_is_listed_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.jpg", "loose.jpg")
    put(tmp_path, "README.md", "cat/metadata.csv", data=b"text")
    (tmp_path / "empty class").mkdir()
    assert found(tmp_path)[1] == {
        "README.md": "not an image (.md)",
        "cat/metadata.csv": "metadata is read only directly in the source",
        "empty class/": "no photo in it",
        "loose.jpg": "no class folder",
    }


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere", "a.jpg", "more/b.jpg")
    root = put(tmp_path / "source", "cat/1.jpg")
    (root / "cat/2.jpg").symlink_to(elsewhere / "a.jpg")
    (root / "dog").symlink_to(elsewhere)
    source = open_source(root)
    assert labels(source) == {
        "cat/1.jpg": "cat",
        "cat/2.jpg": "cat",
        "dog/a.jpg": "dog",
        "dog/more/b.jpg": "dog",
    }
    assert all(source.read(photo) == PICTURE for photo in source.photos)


def test_a_link_back_up_is_not_followed_and_a_broken_one_is_named(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.jpg")
    (tmp_path / "cat/loop").symlink_to(tmp_path)
    (tmp_path / "cat/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "cat/self.jpg").symlink_to("self.jpg")
    photos, ignored = found(tmp_path)
    assert photos == {"cat/1.jpg": "cat"}
    assert ignored == {
        "cat/loop/": "link to a folder that it lies in",
        "cat/gone.jpg": "broken link",
        "cat/self.jpg": "broken link",
    }


def test_a_pipe_with_a_photos_name_is_not_opened(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.jpg")
    os.mkfifo(tmp_path / "cat/2.jpg")
    assert found(tmp_path)[1] == {"cat/2.jpg": "neither a file nor a folder"}


class Named:
    """An entry of a folder under another name, which not every file system takes."""

    def __init__(self, entry: "os.DirEntry[str]", name: str) -> None:
        self._entry = entry
        self.name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)


def test_names_that_are_not_utf_8_are_ignored_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "cat/1.jpg", "cat/two.jpg")
    (tmp_path / "dog").mkdir()
    names = {"two.jpg": os.fsdecode(b"\xff.jpg"), "dog": os.fsdecode(b"d\xf6g")}
    scandir = os.scandir

    @contextmanager
    def renaming_scandir(path: Path) -> Iterator[list[Named]]:
        with scandir(path) as entries:
            yield [Named(entry, names.get(entry.name, entry.name)) for entry in entries]

    monkeypatch.setattr(os, "scandir", renaming_scandir)
    photos, ignored = found(tmp_path)
    assert photos == {"cat/1.jpg": "cat"}
    reason = "its name is not UTF-8"
    assert ignored == {"cat/\\xff.jpg": reason, "d\\xf6g": reason}


def test_a_folder_or_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "cat/1.jpg", "cat/unknown", "locked/1.jpg")

    forbid(monkeypatch, lambda path: path.name in {"locked", "unknown"})
    photos, ignored = found(tmp_path)
    assert photos == {"cat/1.jpg": "cat"}
    assert ignored == {
        "cat/unknown": "cannot be read: Permission denied",
        "locked/": "cannot be opened: Permission denied",
    }


def forbid(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[Path], bool]) -> None:
    """Refuse to list folders and open files, as to a user without the right, even for root."""
    scandir, opener = os.scandir, Path.open

    def forbidden_scandir(path: Path) -> object:
        if refuse(path):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    def forbidden_open(path: Path, *arguments: Any) -> object:
        if refuse(path):
            raise PermissionError(13, "Permission denied")
        return opener(path, *arguments)

    monkeypatch.setattr(os, "scandir", forbidden_scandir)
    monkeypatch.setattr(Path, "open", forbidden_open)


def test_a_source_that_may_not_be_read_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, lambda path: path == tmp_path)
    with pytest.raises(SourceError, match=rf"^cannot read {tmp_path}: Permission denied$"):
        open_source(tmp_path)


@pytest.mark.parametrize("splits", [["train", "test"], ["Training", "validation"], ["train"]])
def test_split_folders_are_not_taken_for_classes(tmp_path: Path, splits: list[str]) -> None:
    put(tmp_path, *(f"{split}/cat/1.jpg" for split in splits))
    example = re.escape(str(tmp_path / splits[0]))
    with pytest.raises(
        SourceError, match=rf"has split folders .*: point at one of them, e\.g\. {example}"
    ):
        open_source(tmp_path)
    assert set(found(tmp_path / splits[0])[0].values()) == {"cat"}


def test_a_class_may_be_called_as_a_split_among_others(tmp_path: Path) -> None:
    put(tmp_path, "train/1.jpg", "bus/1.jpg")
    assert set(found(tmp_path)[0].values()) == {"bus", "train"}


def test_photos_without_class_folders_are_explained(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(SourceError, match="no class folders: put the photos of each class into"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "is empty: it should hold a folder of photos for each class"),
        ("missing", "does not exist: give a folder of labelled photos"),
        ("texts", "holds no labelled photos; cat/a.txt: not an image"),
        ("file.zip", "is a file: give a folder of labelled photos, or a .parquet file"),
        ("metadata.csv", "is a file: give the folder that it lies in"),
        ("nul\0l", "cannot read"),
        ("file.zip/below", "cannot read"),
    ],
)
def test_each_useless_path_is_one_clear_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path, "texts/cat/a.txt", "file.zip", "metadata.csv", data=b"text")
    with pytest.raises(SourceError, match=re.escape(message)) as raised:
        open_source(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_an_output_of_genmix_points_at_its_images(tmp_path: Path) -> None:
    put(tmp_path, "images/cat/1.jpg", "manifest.parquet")
    with pytest.raises(SourceError, match=rf"point at {tmp_path}/images$"):
        open_source(tmp_path)


def test_a_photo_that_vanished_is_an_image_error(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.jpg")
    source = open_source(tmp_path)
    (tmp_path / "cat/1.jpg").unlink()
    with pytest.raises(ImageError, match=r"^cannot be read: No such file or directory$"):
        source.read(source.photos[0])


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.jpg")
    os.truncate(tmp_path / "cat/1.jpg", 3 << 30)  # sparse: takes no space
    source = open_source(tmp_path)
    with pytest.raises(ImageError, match="file is larger than 2 GiB"):
        source.read(source.photos[0])


def test_a_pickled_source_reads_without_its_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, *(f"cat/{number}.jpg" for number in range(300)))
    monkeypatch.chdir(tmp_path.parent)
    source = open_source(tmp_path.name)
    sent = pickle.dumps(source)
    assert len(sent) < 1000
    monkeypatch.chdir("/")
    assert pickle.loads(sent).read(Photo("cat/7.jpg", "cat")) == PICTURE


def test_importing_sources_brings_no_heavy_package() -> None:
    code = "import sys, genmix.datasets; assert not {'pyarrow', 'skimage'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ignored_things_are_sorted(tmp_path: Path) -> None:
    put(put(tmp_path, "cat/1.jpg"), "z.txt", "a.txt", "cat/b.txt", data=b"text")
    assert list(reasons(open_source(tmp_path))) == ["a.txt", "cat/b.txt", "z.txt"]
