"""Which model is meant: where it lies, of which kind and revision it is, and under which licence.

Only its index and its card are read here; `loading` reads the weights.
"""

import errno
import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import logging as hub_logging

from genmix.editing.diffusion.settings import KINDS, Kind
from genmix.errors import EditorError

INDEX = "model_index.json"
SAFE = ".safetensors"
_PICKLES = (".bin", ".ckpt", ".pt", ".pth")


@dataclass(frozen=True)
class Model:
    """A model that was found.

    Attributes:
        name: As the user wrote it, without the revision.
        place: What diffusers loads it by: the folder, or the id on the hub.
        commit: The hub's commit; None for a folder.
        kind: What sort of model it is.
        revision: The commit, or `sha256-…` of a folder's content.
        licence: As its card says; None where it does not.
        checker: Whether a safety checker comes with it.
    """

    name: str
    place: str
    commit: str | None
    kind: Kind
    revision: str
    licence: str | None
    checker: bool


def find_model(wanted: str) -> Model:
    """Find a model.

    Args:
        wanted: A folder that diffusers' `save_pretrained` wrote, or `<id>[@revision]` on the hub.

    Raises:
        EditorError: If there is none, it may not be used, or it is of no kind that can edit.
    """
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        return _in_folder(wanted, folder)
    if wanted.startswith((".", "/", "~")):
        raise EditorError(f"there is no folder {wanted}: give a folder with a {INDEX}, or an id")
    name, _, revision = wanted.partition("@")
    with explained(name):
        index = Path(hf_hub_download(name, INDEX, revision=revision or None))
    commit, parts = index.parent.name, json.loads(index.read_bytes())
    kind = _kind_of(parts, name)
    licence = _licence_on_hub(name, commit)
    return Model(name, name, commit, kind, commit, licence, _has_checker(parts))


def weights_revision(place: Path) -> str:
    """Hash the weights and configurations of a folder, or a file: names, sizes and contents."""
    files = [place] if place.is_file() else sorted(_matter(place))
    if not any(file.name.endswith(SAFE) for file in files):
        raise EditorError(f"{place} has no {SAFE} weights")
    stats = tuple((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    return _digest(stats, place if place.is_dir() else place.parent)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the hub, the disk and diffusers say about a model into one line.

    Raises:
        EditorError: Instead of their errors.
    """
    hub_logging.set_verbosity(logging.ERROR)  # it writes two lines each time it tries again
    try:
        yield
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise EditorError(_explain(name, error)) from error


def _explain(name: str, error: Exception) -> str:
    """Find what is known among an error and its causes, and say what to do."""
    cause: BaseException | None = error
    while cause is not None:
        if said := _known(name, cause):
            return said
        cause = cause.__cause__ or cause.__context__
    first = " ".join(str(error).split())
    return f"the model '{name}' cannot be loaded: {first[:300]}"


def _known(name: str, error: BaseException) -> str | None:
    hub = f"{constants.ENDPOINT}/{name}"
    match error:
        case GatedRepoError():
            return (
                f"the model '{name}' is gated: accept its terms at {hub} and run `hf auth login`, "
                "then try again"
            )
        case RepositoryNotFoundError() | HFValidationError():
            return (
                f"there is no folder and no model '{name}' on the hub: check the name; for a "
                "private one run `hf auth login`"
            )
        case RevisionNotFoundError():
            return f"the model '{name}' has no such revision: see {hub}/commits/main"
        case LocalEntryNotFoundError() | OfflineModeIsEnabled():
            return (
                f"the model '{name}' is not in the cache {constants.HF_HUB_CACHE} and the hub "
                f"{constants.ENDPOINT} cannot be reached: connect once to fetch it, or give a "
                "folder that holds it"
            )
        case EntryNotFoundError():
            return (
                f"'{name}' on the hub has no {INDEX} (or lacks a file that it names): give a "
                "model in diffusers' format"
            )
        case OSError(errno=errno.ENOSPC):
            return (
                f"no space left for the model '{name}' in {constants.HF_HUB_CACHE}: free some, or "
                "set HF_HOME to a larger disk"
            )
        case OSError() if re.search(r"safetensors", str(error)):
            return _pickled(name)
    return None


def _pickled(name: str) -> str:
    return (
        f"the model '{name}' lacks {SAFE} weights, and pickled ones ({', '.join(_PICKLES)}) are "
        "never loaded, for they can run any code: use a revision that has them, or convert it"
    )


def _in_folder(name: str, folder: Path) -> Model:
    try:
        index = json.loads((folder / INDEX).read_bytes())
    except FileNotFoundError as error:
        raise EditorError(
            f"{name} has no {INDEX}: give the folder that diffusers' save_pretrained wrote"
        ) from error
    except (OSError, ValueError) as error:
        raise EditorError(f"cannot read {folder / INDEX}: {error}") from error
    kind = _kind_of(index, name)
    for part, what in index.items():
        if not isinstance(what, list) or not (folder / part).is_dir():
            continue
        files = [file.name for file in (folder / part).iterdir()]
        if any(f.endswith(_PICKLES) for f in files) and not any(f.endswith(SAFE) for f in files):
            raise EditorError(_pickled(name))
    revision = f"sha256-{weights_revision(folder)}"
    licence = _licence(folder / "README.md")
    return Model(name, str(folder), None, kind, revision, licence, _has_checker(index))


def _kind_of(index: Any, name: str) -> Kind:
    found = index.get("_class_name") if isinstance(index, dict) else None
    if not isinstance(found, str) or found not in KINDS:
        raise EditorError(
            f"the model '{name}' is a {found if isinstance(found, str) else 'custom pipeline'}, "
            f"which genmix cannot edit with; it can with: {', '.join(KINDS)}"
        )
    return KINDS[found]


def _has_checker(index: Any) -> bool:
    """Tell whether an index names a safety checker; a model without one says [null, null]."""
    part = index.get("safety_checker")
    return isinstance(part, list) and None not in part


def _licence_on_hub(name: str, commit: str) -> str | None:
    """Read the licence off the model's card; not knowing it stops nothing."""
    card = try_to_load_from_cache(name, "README.md", revision=commit)
    try:
        path = (
            card if isinstance(card, str) else hf_hub_download(name, "README.md", revision=commit)
        )
    except (OSError, HfHubHTTPError):
        return None
    return _licence(Path(path))


def _licence(card: Path) -> str | None:
    try:
        front = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8"), re.DOTALL)
        data = yaml.safe_load(front[1]) if front else {}
    except (OSError, ValueError, yaml.YAMLError):
        return None
    found = data.get("license_name") or data.get("license") if isinstance(data, dict) else None
    return str(found) if found else None


def _matter(folder: Path) -> Iterator[Path]:
    """Yield the files of a model that its pictures depend on."""
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix in {SAFE, ".json", ".txt", ".model"}:
            yield file


@lru_cache(maxsize=8)
def _digest(stats: tuple[tuple[str, int, int], ...], root: Path) -> str:
    digest = hashlib.sha256()
    for path, size, _ in stats:
        digest.update(f"{Path(path).relative_to(root).as_posix()}\0{size}\0".encode())
        with Path(path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
