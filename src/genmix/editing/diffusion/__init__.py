"""The editors `diffusers:…`: pre-trained image-editing diffusion models, run by diffusers.

Importing this needs neither torch nor diffusers; opening an editor does.
"""

from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from genmix.editing.editor import Settings
from genmix.errors import MissingExtraError

if TYPE_CHECKING:
    from genmix.editing.diffusion.editor import DiffusionEditor

DEFAULT_MODEL = "timbrooks/instruct-pix2pix"
"""The model of the paper."""

_NEEDED = ("torch", "diffusers", "transformers", "peft")


def from_name(
    name: str, *, strength: float, settings: Settings = MappingProxyType({})
) -> "DiffusionEditor":
    """Open an editor by its name in text; the entry point of the group `genmix.editors`.

    Nothing heavy is loaded before the first edit.

    Args:
        name: `diffusers:<id or folder>[@revision]`, or `diffusers` for `DEFAULT_MODEL`.
        strength: How far to go from the original, in (0, 1].
        settings: Those of `DiffusionSettings`.

    Raises:
        EditorError: If there is no such model or setting, or this machine cannot run it.
        MissingExtraError: If the extra `diffusion` is not installed.
    """
    if not all(find_spec(module) for module in _NEEDED):
        raise MissingExtraError(f"the editor '{name}'", "diffusion")
    from genmix.editing.diffusion.editor import DiffusionEditor

    return DiffusionEditor(name.partition(":")[2] or DEFAULT_MODEL, strength, settings)
