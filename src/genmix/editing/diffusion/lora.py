"""LoRA weights: which file is meant, what names its content, and how a model takes it in."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from genmix.editing.diffusion.model import SAFE, explained, weights_revision
from genmix.errors import EditorError

_USUAL = f"pytorch_lora_weights{SAFE}"


@dataclass(frozen=True)
class Lora:
    """LoRA weights that were found.

    Attributes:
        file: The one file that is loaded.
        revision: `sha256-…` of its name and content, or its place on the hub with the commit.
    """

    file: Path
    revision: str


def find_lora(wanted: str, name: str | None) -> Lora:
    """Find LoRA weights.

    Args:
        wanted: A file, a folder, or an id on the hub.
        name: Which file of the folder or repository; if None, the one of the usual name, or the
            only one that lies in the folder itself.

    Raises:
        EditorError: If there is none, or it cannot be told which.
    """
    if name is not None and not name.endswith(SAFE):
        raise EditorError(f"lora_file is '{name}': give a {SAFE} file, as no other is loaded")
    place = Path(wanted).expanduser()
    if place.exists():
        file = place if place.is_file() else _in_folder(place, name)
        return Lora(file, f"sha256-{weights_revision(file)}")
    file = _from_hub(wanted, name or _USUAL)
    commit = file.parents[len(PurePosixPath(name or _USUAL).parts) - 1].name
    return Lora(file, f"{wanted}@{commit}" + (f"/{name}" if name else ""))


def melt(pipe: Any, lora: Lora, scale: float) -> None:
    """Melt LoRA weights into a pipeline's, so that they cost nothing a step."""
    pipe.load_lora_weights(str(lora.file.parent), weight_name=lora.file.name, use_safetensors=True)
    pipe.fuse_lora(lora_scale=scale)
    pipe.unload_lora_weights()


def _in_folder(folder: Path, name: str | None) -> Path:
    there = sorted(file.relative_to(folder).as_posix() for file in folder.rglob(f"*{SAFE}"))
    top = [file for file in there if "/" not in file]
    chosen = name or next((file for file in top if file == _USUAL or len(top) == 1), None)
    if chosen in there:
        return folder / chosen
    if not there:
        raise EditorError(f"{folder} has no {SAFE} weights")
    wrong = "holds several LoRA files" if name is None else f"has no {name}"
    raise EditorError(f"{folder} {wrong}: set lora_file to one of {', '.join(there)}")


def _from_hub(repository: str, name: str) -> Path:
    with explained(repository):
        try:
            return Path(hf_hub_download(repository, name))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError as error:
            raise EditorError(
                f"'{repository}' on the hub has no {name}: set lora_file to one that it has"
            ) from error
