"""Pictures to look at, from wherever they lie: files, folders and http(s) addresses.

Addresses are read with the standard library: a client package in the core, for one verb, would
still leave the limits to be kept here. Only its http and https handlers are used, so no other kind
of address is ever read; redirects are followed here, for its own handler reads their bodies without
end. Private addresses are not blocked: who types one can read it from this machine in other ways
too. A service that takes addresses from strangers must not hand them to this module.
"""

import stat
import string
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, InvalidURL, responses
from itertools import zip_longest
from pathlib import Path, PurePath, PurePosixPath
from threading import Thread
from typing import TypeVar
from urllib.error import URLError
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from genmix import __version__
from genmix.datasets.files import walk
from genmix.datasets.folders import FolderSource
from genmix.datasets.source import Ignored, Photo
from genmix.errors import ImageError, SourceError
from genmix.images import EXTENSIONS, Image, decode


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what to call it.

    Attributes:
        name: Its class, as far as names show it: the name of its folder, if that lies inside a
            folder that was given or if stems repeat, else the stem of its file.
        image: uint8, height x width x 3, RGB.
    """

    name: str
    image: Image


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read.

    Attributes:
        per_folder: Pictures of a folder that is given.
        address_bytes: Of what an address answers, whatever its headers announce.
        wait_seconds: For a connection, and for each next part of an answer.
        total_seconds: For an address with its redirects.
        redirects: From one address to the next.
    """

    per_folder: int = 8
    address_bytes: int = 30_000_000
    wait_seconds: float = 10
    total_seconds: float = 30
    redirects: int = 5


LIMITS = Limits()


def pictures(places: Sequence[str], *, limits: Limits = LIMITS) -> Iterator[Picture | Ignored]:
    """Read pictures one by one.

    Args:
        places: Files, folders and http(s) addresses. Of a folder, its pictures at any depth are
            taken, sorted. Places take turns, and so do the folders in a folder: classes alternate.
        limits: How much is read.

    Yields:
        Each picture, or the place of one that cannot be used and why, as they are reached.

    Raises:
        SourceError: At the end, if there was no picture.
    """
    left = 0
    for entry in _listed(places, limits.per_folder):
        if isinstance(entry, Ignored):
            yield entry
            continue
        place, name = entry
        try:
            image = decode(_download(place, limits) if _is_address(place) else _read(place))
        except ImageError as error:
            yield Ignored(_printable(place), str(error))
            continue
        left += 1
        yield Picture(name, image)
    if not left:
        raise SourceError(
            "there is no picture to use: give a file, a folder or an http(s) address of one"
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A picture that is not read yet.

    Attributes:
        place: Where it lies.
        path: The same without what an address has besides; that of an address begins with the host.
        in_class: It lies in a folder inside the one that was given, which mostly is its class.
    """

    place: str
    path: PurePath
    in_class: bool = False


def _listed(places: Sequence[str], per_folder: int) -> Iterator[tuple[str, str] | Ignored]:
    """List (place, name) of each picture, from each place in turn."""
    by_place = [
        _in_folder(Path(place), per_folder) if stat.S_ISDIR(_mode(place)) else [_alone(place)]
        for place in places
    ]
    in_turn = _in_turn(by_place)
    single = [one.path.stem for one in in_turn if isinstance(one, _Found) and not one.in_class]
    stems_repeat = len(set(single)) < len(single)
    for one in in_turn:
        if isinstance(one, Ignored):
            yield one
        else:
            folder = one.path.parent.name if one.in_class or stems_repeat else ""
            yield one.place, _one_line(folder or one.path.stem)


def _alone(place: str) -> _Found:
    if not _is_address(place):
        return _Found(place, Path(place))
    bare = place.split("://", 1)[1].partition("#")[0].partition("?")[0]
    return _Found(place, PurePosixPath(unquote(bare)))


def _in_folder(folder: Path, count: int) -> list[_Found | Ignored]:
    try:
        tree = walk(folder)
    except SourceError as error:
        return [Ignored(str(folder), str(error))]
    by_folder: dict[str, list[_Found]] = {}
    for name in tree.files:
        path = folder / name
        if path.suffix.lower() in EXTENSIONS:
            inner = name.rpartition("/")[0]
            by_folder.setdefault(inner, []).append(_Found(str(path), path, in_class=inner != ""))
    ignored = [Ignored(str(folder / one.path), one.reason) for one in tree.ignored]
    if not by_folder:
        ignored.append(Ignored(str(folder), "there is no picture in it"))
    return [*ignored, *_in_turn(by_folder.values())[:count]]


_T = TypeVar("_T")


def _in_turn(groups: Iterable[Sequence[_T]]) -> list[_T]:
    """Take the first of each group, then the second of each, and so on."""
    return [one for line in zip_longest(*groups) for one in line if one is not None]


def _one_line(name: str) -> str:
    """Make a name one line, without bytes that are no text."""
    return " ".join(name.encode(errors="replace").decode().split())


def _read(place: str) -> bytes:
    mode = _mode(place)
    if not mode and "://" in place:
        raise ImageError("of addresses, only http and https are read")
    if mode and not stat.S_ISREG(mode):
        raise ImageError("neither a file nor a folder")
    return FolderSource(Path()).read(Photo(place, ""))


def _mode(place: str) -> int:
    """Return what kind of file a place is; 0 if it is none, and reading it will say why."""
    try:
        return Path(place).stat().st_mode
    except OSError:
        return 0


_SCHEMES = ("http", "https")


def _is_address(place: str) -> bool:
    return place.lower().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def _printable(place: str) -> str:
    """Show a place without the password that an address may hold."""
    scheme, _, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    if not _is_address(place) or "@" not in host:
        return place
    return f"{scheme}://…@{host.rpartition('@')[2]}{slash}{path}"


def _download(address: str, limits: Limits) -> bytes:
    """Fetch what an address answers.

    This takes a thread, to be left behind when time is up: neither the resolver nor headers that
    trickle in heed the time limit of a socket.
    """
    outcome: list[bytes | ImageError] = []

    def fetch() -> None:
        try:
            outcome.append(_fetch(address, limits, time.monotonic() + limits.total_seconds))
        except ImageError as error:
            outcome.append(error)

    thread = Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(limits.total_seconds)
    if thread.is_alive():
        raise _too_slow(limits)
    (result,) = outcome
    if isinstance(result, ImageError):
        raise result
    return result


def _fetch(address: str, limits: Limits, deadline: float) -> bytes:
    """Fetch an address and what it redirects to, in the thread of `_download`."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    for _ in range(limits.redirects + 1):
        try:
            request = Request(_checked(address), headers=_HEADERS)  # noqa: S310  checked, and no handler
            with opener.open(request, timeout=limits.wait_seconds) as response:
                target = _redirect(response)
                if target is None:
                    return _body(response, limits, deadline)
                address = urljoin(address, target)
        except (OSError, HTTPException, ValueError) as error:
            raise ImageError(_reason(error, limits)) from error
    raise ImageError(f"more than {limits.redirects} redirects")


# No encoding is asked for and none is undone: a compressed answer is no image.
_HEADERS = {
    "User-Agent": f"genmix/{__version__}",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}


def _checked(address: str) -> str:
    """Make sure that an address may be read, and escape what is not ASCII in it."""
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES:
        raise ImageError(f"redirects to an address of {parts.scheme}, not of http or https")
    if not parts.hostname:
        raise ImageError("no host in the address")
    if "@" in parts.netloc:
        raise ImageError("addresses with a user name or password are not read")
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path, query = (quote(part, safe="/%:@!$&'()*+,;=?") for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, host, path, query, ""))


def _redirect(response: HTTPResponse) -> str | None:
    """Return where an answer sends on to; None if it holds what was asked for."""
    if response.status in _REDIRECTS and (target := response.headers.get("Location")):
        # Headers are read as Latin-1; what is not ASCII in them is mostly UTF-8.
        return quote(target, safe=string.punctuation, encoding="latin-1")
    if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        phrase = responses.get(response.status, "")
        raise ImageError(f"the server answers {response.status} {phrase}".strip())
    return None


_REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}


def _body(response: HTTPResponse, limits: Limits, deadline: float) -> bytes:
    data = bytearray()
    while part := response.read1(1 << 16):
        data += part
        if len(data) > limits.address_bytes:
            raise ImageError(f"larger than {limits.address_bytes / 1e6:g} MB")
        if time.monotonic() > deadline:
            raise _too_slow(limits)
    return bytes(data)


def _too_slow(limits: Limits) -> ImageError:
    return ImageError(f"not read within {limits.total_seconds:g} seconds")


def _reason(error: Exception, limits: Limits) -> str:
    """Say why an address cannot be read, in no words of the server's."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {limits.wait_seconds:g} seconds"
    if isinstance(cause, OSError) and cause.strerror:
        return f"cannot be reached: {cause.strerror}"
    if isinstance(cause, ValueError | InvalidURL):
        return "not an address"
    return "the server does not answer as http asks"
