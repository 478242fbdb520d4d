"""Where genmix keeps things on disk, and how it writes a file so that it exists whole or not."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import category

from genmix.errors import OutputError


def cache_folder() -> Path:
    """Return the user's cache folder for genmix; `GENMIX_CACHE` overrides the platform's place."""
    if override := os.environ.get("GENMIX_CACHE"):
        return Path(override).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("genmix", appauthor=False)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into one clear line.

    Args:
        path: What is being written, for the message.

    Raises:
        OutputError: If the disk is full or the place is not writable.
    """
    try:
        yield
    except OSError as error:
        if (words := _refusal(path, error)) is None:
            raise
        raise OutputError(words) from error


def check_file(path: Path) -> None:
    """Make sure, before the work whose outcome it is to hold, that a file can be written.

    Args:
        path: The file; its folder is made if missing, an old file stays as it is.

    Raises:
        OutputError: If the disk is full, the place is not writable, or is a folder.
    """
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that, whatever happens, it holds all of `data` or does not exist.

    Args:
        path: The file; its folder is made if missing.
        data: Its content.

    Raises:
        OutputError: If the disk is full or the place is not writable.
    """
    with _written_beside(path, data) as temporary:
        temporary.replace(path)


def write_first(path: Path, data: bytes) -> bool:
    """Write a file as `write_whole` does, unless it is there; say whether it was written.

    Of several processes that write it at once, the first does. Where the file system has no hard
    links, the last does.

    Raises:
        OutputError: If the disk is full or the place is not writable.
    """
    with _written_beside(path, data) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError:
            temporary.replace(path)
    return True


@contextmanager
def _written_beside(path: Path, data: bytes) -> Iterator[Path]:
    """Write a temporary file beside `path`, which is gone at the end unless it was moved."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            temporary.chmod(0o666 & ~_UMASK)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def is_utf8(path: str | Path) -> bool:
    """Tell whether a path can be written down: one that is no text is in no manifest or recipe."""
    return printable(path) == str(path)


def printable(path: str | Path) -> str:
    """Show the bytes of a path that are not UTF-8 as escapes."""
    return os.fsencode(path).decode(errors="backslashreplace")


def one_line(text: str) -> str:
    """Show line ends and other control characters, which a file's name may have, as escapes.

    Printed as they are they would break a line, or change the colours and the title of a terminal.
    """
    return "".join(
        letter.encode("unicode_escape").decode() if category(letter) in _CONTROL else letter
        for letter in text
    )


_CONTROL = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, halves of characters, and ends of lines and paragraphs."""


def remove(path: Path) -> bool:
    """Remove a file or a link, and say whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _refusal(path: Path, error: OSError) -> str | None:
    """Say why a place cannot be written and what to do; None for what is no refusal."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"the disk is full at {path}: free some space and run the same command again; "
            "what was finished is kept"
        )
    if error.errno == errno.EFBIG:
        return (
            f"a file would be larger than is allowed at {path} (ulimit -f): raise the limit and "
            "run the same command again; what was finished is kept"
        )
    if error.errno == errno.EISDIR:
        return f"cannot write {path}: it is a folder; give the name of a file"
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        why = _in_the_way(path) or error.strerror
    elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}:
        why = error.strerror
    else:
        return None
    return f"cannot write {path}: {why}; choose a folder that you may write to"


def _in_the_way(path: Path) -> str | None:
    """Say which file stands where a folder should be; None if there is none."""
    files = (place for place in [*reversed(path.parents), path] if place.is_file())
    found = next(files, None)
    return None if found is None else "it is a file" if found == path else f"{found} is a file"


def _read_umask() -> int:
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


_UMASK = _read_umask()
