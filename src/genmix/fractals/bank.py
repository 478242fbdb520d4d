"""A set of fractals, drawn once, kept in the user's cache, and shared by worker processes."""

import hashlib
import json
import operator
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self, TypeAlias

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from genmix.errors import GenmixError, ImageError, OutputError
from genmix.fractals.drawing import VERSION, draw, known_families
from genmix.fractals.families import FAMILIES
from genmix.fractals.palettes import known_palettes
from genmix.images import EXTENSIONS, Image, decode, resize
from genmix.processes import worker_pool
from genmix.storage import cache_folder, is_utf8, printable, writing

_PIXELS = "pixels.npy"
_INDEX = "index.json"
_SMALLEST = 8


_Picture: TypeAlias = tuple[str, Image | ImageError]
"""A name, and the picture or why there is none."""


class FractalBank:
    """Square pictures of one size to blend in, numbered from 0.

    The pixels lie in one file that is mapped into memory, so all processes of a machine share
    them, and pickling a bank pickles only its folder.

    Attributes:
        folder: Where the bank is kept.
        fingerprint: Identifies the content: the same for the same seed, size, families and count,
            or for the same pictures.
        unreadable: The pictures of a user's folder that were left out, as (path, reason).
    """

    def __init__(self, folder: Path) -> None:
        """Reopen a bank by the folder in which it is kept, without checking every pixel.

        Raises:
            GenmixError: If the bank is not there any more, or is damaged.
        """
        try:
            index = _Index.model_validate_json((folder / _INDEX).read_bytes())
            pixels = np.lib.format.open_memmap(folder / _PIXELS, mode="r")
        except (OSError, ValueError) as error:
            raise GenmixError(
                f"the fractals kept in {folder} are gone or damaged: delete that folder if it is "
                "there and run the same command again"
            ) from error
        self.folder = folder
        self.fingerprint = folder.name
        self.unreadable = index.unreadable
        self._names = index.names
        self._pixels = np.asarray(pixels)

    @classmethod
    def open(
        cls,
        count: int,
        size: int,
        seed: int,
        *,
        families: Iterable[str] = FAMILIES,
        palettes: Iterable[str] | None = None,
        workers: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Open a bank of drawn fractals; they are drawn the first time and kept.

        A bank of 64 is the beginning of the bank of 128 with the same seed, size and families.

        Args:
            count: How many fractals, 1 or more.
            size: Their edge in pixels, 8 or more.
            seed: Any integer.
            families: Names from `FAMILIES`, in the order in which they take turns.
            palettes: Names of the palettes to draw from; all when left out.
            workers: Processes that draw; the pictures do not depend on it. With more than one, a
                script needs `if __name__ == "__main__":` around what it runs.
            progress: Called with (drawn, count) after each picture that had to be drawn.

        Returns:
            The bank; `name(i)` is the family and the number, such as "julia/00012".

        Raises:
            GenmixError: If an argument is out of range or no whole number, or a family or a palette
                does not exist.
            OutputError: If the cache cannot be written.
        """
        count, size, seed = _whole("count", count), _whole("size", size), _whole("seed", seed)
        for what, value, least in (("count", count, 1), ("size", size, _SMALLEST)):
            if value < least:
                raise GenmixError(f"a fractal bank needs a {what} of {least} or more, not {value}")
        names = known_families(families)
        parts = ["drawn", VERSION, count, size, seed, names]
        colours = None if palettes is None else tuple(p.name for p in known_palettes(palettes))
        key = _digest(json.dumps(parts if colours is None else [*parts, colours]).encode())
        draw_one = partial(_draw_one, size, seed, names, colours)
        return cls._kept(key, size, lambda: _drawn(count, draw_one, workers, progress))

    @classmethod
    def from_folder(cls, path: Path | str, size: int) -> Self:
        """Open a bank of a user's own pictures; they are decoded the first time and kept.

        Args:
            path: A folder; pictures in folders within it count too. Names that begin with a dot
                are passed over. The order is that of the paths.
            size: Edge in pixels, 8 or more, to which the middle square of each is resized.

        Returns:
            The bank; `name(i)` is the path within the folder. Pictures that cannot be read are
            left out and listed in `unreadable`.

        Raises:
            GenmixError: If there is no such folder, or no picture in it can be read.
            OutputError: If the cache cannot be written.
        """
        folder, size = Path(path), _whole("size", size)
        if size < _SMALLEST:
            raise GenmixError(f"a fractal bank needs a size of {_SMALLEST} or more, not {size}")
        if not folder.is_dir():
            raise GenmixError(f"there is no folder of fractals at {folder}")
        names = _picture_names(folder)
        if not names:
            raise GenmixError(
                f"no pictures in {folder}: put some there (JPEG, PNG, WebP, BMP, TIFF or GIF)"
            )
        contents = [[name, _content_digest(folder, name)] for name in names]
        key = _digest(json.dumps(["folder", VERSION, size, contents]).encode())
        return cls._kept(key, size, lambda: _decoded(folder, names, size))

    @classmethod
    def _kept(cls, key: str, size: int, make: Callable[[], Iterator[_Picture]]) -> Self:
        """Open what is kept under a key; make it if it is not there whole."""
        folder = cache_folder() / "fractals" / key
        if not _is_whole(folder):
            with writing(folder):
                folder.parent.mkdir(parents=True, exist_ok=True)
                with _alone(folder.with_suffix(".lock")):
                    if not _is_whole(folder):
                        _write(folder, size, make())
        return cls(folder)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Image:
        """Return a picture: uint8, size x size x 3, RGB, a read-only view of the shared file."""
        picture: Image = self._pixels[index]
        return picture

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        return type(self), (self.folder,)

    @property
    def size(self) -> int:
        """The edge of the pictures in pixels."""
        return int(self._pixels.shape[1])

    def name(self, index: int) -> str:
        """Return what a picture is called, such as "julia/00012" or the path of the user's file."""
        return self._names[index]

    def fitting(self, index: int, height: int, width: int) -> Image:
        """Return a picture in another size: uint8, height x width x 3, RGB."""
        return resize(self[index], height, width)


def _whole(what: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError as error:
        raise GenmixError(
            f"a fractal bank needs a whole number as its {what}, not {value!r}"
        ) from error


class _Index(BaseModel):
    """What is kept beside the pixels."""

    model_config = ConfigDict(extra="forbid")

    names: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    checksum: int


def _drawn(
    count: int,
    draw_one: Callable[[int], _Picture],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[_Picture]:
    if workers == 1 or count == 1:
        yield from _counted(map(draw_one, range(count)), count, progress)
        return

    with worker_pool(min(workers, count), _use_one_thread) as pool:
        chunk = max(1, min(16, count // (4 * workers)))
        yield from _counted(pool.map(draw_one, range(count), chunksize=chunk), count, progress)


def _draw_one(
    size: int,
    seed: int,
    families: tuple[str, ...],
    palettes: tuple[str, ...] | None,
    index: int,
) -> _Picture:
    family, image = draw(size, seed, index, families, palettes)
    return f"{family}/{index:05d}", image


def _use_one_thread() -> None:
    cv2.setNumThreads(1)


def _counted(
    pictures: Iterable[_Picture], count: int, progress: Callable[[int, int], None] | None
) -> Iterator[_Picture]:
    for done, picture in enumerate(pictures, start=1):
        yield picture
        if progress:
            progress(done, count)


def _picture_names(folder: Path) -> list[str]:
    """List the pictures of a folder by their paths within it, sorted, with forward slashes."""
    names = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        within = Path(here).relative_to(folder)
        names += [
            (within / name).as_posix()
            for name in files
            if Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")
        ]
    return sorted(names)


def _decoded(folder: Path, names: list[str], size: int) -> Iterator[_Picture]:
    reasons = []
    for name in names:
        try:
            image = decode(_content(folder, name), at_least=size)
        except ImageError as error:
            reasons.append(f"{printable(name)}: {error}")
            yield printable(name), error
        else:
            yield name, resize(_middle_square(image), size, size)
    if len(reasons) == len(names):
        raise GenmixError(f"no picture in {folder} can be read; the first is {reasons[0]}")


def _content(folder: Path, name: str) -> bytes:
    if not is_utf8(name):
        raise ImageError("its name is not UTF-8")
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ImageError(f"it cannot be read: {error.strerror}") from error


def _content_digest(folder: Path, name: str) -> str:
    try:
        return _digest(_content(folder, name))
    except ImageError:
        return "unreadable"


def _middle_square(image: Image) -> Image:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """Wait until no other process makes the same bank."""
    import portalocker

    lock = portalocker.Lock(lock_file, flags=portalocker.LockFlags.EXCLUSIVE)
    try:
        lock.acquire()
    except portalocker.LockException as error:
        raise OutputError(
            f"cannot lock {lock_file}: set GENMIX_CACHE to a folder on this machine's own disk"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _write(folder: Path, size: int, pictures: Iterator[_Picture]) -> None:
    """Write a bank under a temporary name, one picture at a time, then rename it."""
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    names: list[str] = []
    unreadable: list[tuple[str, str]] = []
    checksum = 0
    try:
        with (temporary / _PIXELS).open("wb") as file:
            _write_header(file, 0, size)
            for name, picture in pictures:
                if isinstance(picture, ImageError):
                    unreadable.append((name, str(picture)))
                    continue
                data = picture.tobytes()
                file.write(data)
                checksum = zlib.crc32(data, checksum)
                names.append(name)
            file.seek(0)
            _write_header(file, len(names), size)
        index = _Index(names=tuple(names), unreadable=tuple(unreadable), checksum=checksum)
        (temporary / _INDEX).write_bytes(index.model_dump_json().encode())
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_header(file: BinaryIO, count: int, size: int) -> None:
    """Write the header of an .npy file; NumPy pads it so that the count may grow in place."""
    shape = (count, size, size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _is_whole(folder: Path) -> bool:
    """Check all that is kept of a bank, pixel by pixel."""
    try:
        index = _Index.model_validate_json((folder / _INDEX).read_bytes())
        pixels = np.lib.format.open_memmap(folder / _PIXELS, mode="r")
    except (OSError, ValueError):
        return False
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) != len(index.names):
        return False
    checksum = 0
    for picture in np.asarray(pixels):
        checksum = zlib.crc32(picture, checksum)
    return checksum == index.checksum


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
