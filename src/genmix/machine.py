"""What this machine can do for genmix: extras, devices, editors, places; and what would help.

Nothing is changed, and torch is imported only where it is installed.
"""

import json
import os
import platform
import re
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from genmix import __version__
from genmix.editing.diffusion.settings import KINDS
from genmix.sheets import japanese_font
from genmix.storage import cache_folder

_EXTRAS = {
    "demo": ("photos for genmix demo", "scikit-image"),
    "torch": ("mixers, training, screens", "torch"),
    "lite0": ("a pre-trained network", "timm"),
    "proof": ("attacks, figures, statistics", "matplotlib"),
    "corruptions": ("common corruptions", "imagecorruptions-imaug"),
    "diffusion": ("generative editors", "diffusers"),
    "sign": ("signatures as C2PA asks", "c2pa-python"),
    "remote": ("editors over HTTP", "httpx"),
    "serve": ("genmix serve", "fastapi"),
    "studio": ("the browser", "starlette"),
}
"""What each extra is for, and the package whose version says most."""

_EDITOR_EXTRAS = {"diffusers": "diffusion", "http": "remote", "https": "remote"}
_MOST_FILES = 100_000
"""More files of a folder are not counted: it would take too long."""

_HUB = "https://huggingface.co"
_GB = 1e9


@dataclass(frozen=True)
class Extra:
    """An optional part of genmix.

    Attributes:
        name: As pip takes it, `genmix[name]`.
        purpose: What it is for.
        ready: Whether all of its packages are there.
        main: The package whose version says most.
        packages: Versions by package, None where one is missing.
    """

    name: str
    purpose: str
    ready: bool
    main: str
    packages: dict[str, str | None]


@dataclass(frozen=True)
class Device:
    """Something that computes: its kind, its name, its memory in bytes where that is known."""

    kind: str
    name: str
    memory: int | None = None
    free: int | None = None


@dataclass(frozen=True)
class EditorState:
    """An editor, whether it can be used, and what would help."""

    name: str
    ready: bool
    note: str = ""


@dataclass(frozen=True)
class Place:
    """A folder that genmix keeps things in: its size, and the disk that is left, in bytes."""

    name: str
    path: str
    size: int
    counted: bool
    free: int


@dataclass(frozen=True)
class Machine:
    """What was found.

    Attributes:
        genmix: The version.
        python: Its version.
        system: The operating system and processor.
        torch: The version, None if not installed.
        devices: Processors first.
        extras: In the order of need.
        editors: By name.
        places: Caches.
        japanese_font: Used for Japanese names on sheets and figures; None if there is none.
        hub: What the model hub answered; None if it was not asked.
        advice: What would help, a line each.
    """

    genmix: str
    python: str
    system: str
    torch: str | None
    devices: tuple[Device, ...]
    extras: tuple[Extra, ...]
    editors: tuple[EditorState, ...]
    places: tuple[Place, ...]
    japanese_font: str | None
    hub: str | None
    advice: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def look_at_machine(cpus: int, *, online: bool = False) -> Machine:
    """Find out what this machine can do.

    Args:
        cpus: Processors that genmix may use.
        online: Ask the model hub for an answer, too.
    """
    extras = tuple(_extras())
    by_name = {extra.name: extra for extra in extras}
    torch = by_name["torch"].packages.get("torch") if "torch" in by_name else None
    gpus, advice = _gpus() if torch and find_spec("torch") else ([], [])
    font = japanese_font()
    if font is None:
        advice.append(
            "no font has Japanese letters: install one for Japanese sheets and figures, "
            "e.g. apt install fonts-noto-cjk"
        )
    places = tuple(_places())
    advice += [
        f"little disk is left at {place.path}: {place.free / _GB:.1f} GB"
        for place in places
        if place.free < 5 * _GB
    ]
    return Machine(
        genmix=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        torch=torch,
        devices=(Device("cpu", f"{cpus} processors", _memory()), *gpus),
        extras=extras,
        editors=tuple(_editors(by_name, bool(gpus))),
        places=places,
        japanese_font=font,
        hub=_ask_hub() if online else None,
        advice=tuple(advice),
    )


def _extras() -> Iterator[Extra]:
    packages: dict[str, dict[str, str | None]] = {name: {} for name in _EXTRAS}
    for line in requires("genmix") or ():
        match = re.match(r"([\w.-]+).*extra == ['\"]([\w-]+)['\"]", line)
        if match and match[2] in packages:
            packages[match[2]][match[1]] = _version(match[1])
    for name, (purpose, main) in _EXTRAS.items():
        if packages[name]:
            yield Extra(name, purpose, None not in packages[name].values(), main, packages[name])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory() -> int | None:
    """Return the machine's memory in bytes, where the system tells without another package."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _gpus() -> tuple[list[Device], list[str]]:
    """List what torch can compute on beside the processor, and what keeps it from more."""
    import torch

    if torch.cuda.is_available():
        devices, advice = [], []
        for k in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(k)
            free, total = torch.cuda.mem_get_info(k)
            devices.append(Device(f"cuda:{k}", about.name, total, free))
            if f"sm_{about.major}{about.minor}" not in torch.cuda.get_arch_list():
                advice.append(
                    f"torch {torch.__version__} has no code for cuda:{k} ({about.name}, sm_"
                    f"{about.major}{about.minor}): if it fails, install a newer torch"
                )
        return devices, advice
    if torch.backends.mps.is_available():
        return [Device("mps", "Apple GPU")], []
    if shutil.which("nvidia-smi") is None and not Path("/dev/nvidia0").exists():
        return [], []
    built = torch.version.cuda
    why = f"the driver is older than its CUDA {built}" if built else "it was built without CUDA"
    fitting = (
        f"there is an NVIDIA GPU that torch {torch.__version__} cannot use, as {why}: install a "
        "torch that fits the driver (https://pytorch.org/get-started)"
    )
    return [], [fitting]


def _editors(extras: dict[str, Extra], has_gpu: bool) -> Iterator[EditorState]:
    for name in sorted(point.name for point in entry_points(group="genmix.editors")):
        needs = _EDITOR_EXTRAS.get(name)
        if needs is not None and not (needs in extras and extras[needs].ready):
            yield EditorState(name, False, f"pip install 'genmix[{needs}]'")
        elif name == "diffusers":
            slow = "" if has_gpu else "slow: there is no GPU; "
            models = ", ".join(_hub_models())
            here = f"models here: {models}" if models else "no model here yet: it is fetched once"
            yield EditorState(name, True, slow + here)
        else:
            yield EditorState(name, True)


def _hub_models() -> list[str]:
    """Name the models in the hub's cache that can edit."""
    found = set()
    for index in _hub_cache().glob("models--*/snapshots/*/model_index.json"):
        try:
            kind = json.loads(index.read_bytes()).get("_class_name")
        except (OSError, ValueError, AttributeError):
            continue
        if kind in KINDS:
            found.add(index.parts[-4].removeprefix("models--").replace("--", "/"))
    return sorted(found)


def _hub_cache() -> Path:
    """Return the folder in which the model hub's library keeps what it fetched."""
    home = os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()


def _places() -> Iterator[Place]:
    cache = cache_folder()
    for name, path in (
        ("edits", cache / "edits"),
        ("fractals", cache / "fractals"),
        ("downloaded models", _hub_cache()),
    ):
        sizes = list(islice(_sizes(path), _MOST_FILES + 1))
        yield Place(name, str(path), sum(sizes), len(sizes) <= _MOST_FILES, _free(path))


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the size of every file below a folder; links and what cannot be read are left out."""
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                about = os.lstat(Path(place, file))
            except OSError:
                continue
            yield 0 if Path(place, file).is_symlink() else about.st_size


def _free(path: Path) -> int:
    there = next(place for place in (path, *path.parents) if place.exists())
    return shutil.disk_usage(there).free


def _ask_hub() -> str:
    address = os.environ.get("HF_ENDPOINT", _HUB)
    if not address.startswith(("http://", "https://")):
        return f"HF_ENDPOINT is {address}: an address begins with https://"
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - checked above
            return f"{address} answers"
    except OSError as error:
        return f"{address} does not answer ({getattr(error, 'reason', error)})"
