"""Drafts of prompt libraries: opened, changed prompt by prompt, and saved as files.

Every draft is a valid library at any time. What a saved file holds is what is switched on.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from genmix.errors import GenmixError, PromptError
from genmix.prompts import Prompt, PromptLibrary, load_library, shipped_libraries
from genmix.prompts.library import ALL
from genmix.storage import write_whole

PROMPTS_FOLDER = "prompts"
RECIPES_FOLDER = "recipes"

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 40
_MOST_FILES = 200


class NameTakenError(GenmixError):
    """There is a file of that name already, and nobody said to replace it."""


class NothingOnError(PromptError):
    """A library with no prompt in it."""


class UnsavedError(NothingOnError):
    """A library of which no prompt that is switched on was ever saved."""


class BadNameError(GenmixError):
    """A name that is not safe, or not allowed, for a file."""


@dataclass(frozen=True)
class Draft:
    """A library that is being worked on.

    Attributes:
        library: As it is now.
        off: Ids of the prompts that are switched off.
        changed: Whether it differs from what was opened or saved last.
    """

    library: PromptLibrary
    off: frozenset[str] = field(default_factory=frozenset)
    changed: bool = False

    @property
    def on(self) -> tuple[Prompt, ...]:
        """The prompts that are switched on."""
        return tuple(p for p in self.library.prompts if p.id not in self.off)

    def find(self, id_: str) -> Prompt | None:
        """Return a prompt by its id."""
        return next((p for p in self.library.prompts if p.id == id_), None)

    def switched(self, id_: str, on: bool) -> "Draft":
        """Switch a prompt on or off."""
        return replace(self, off=self.off - {id_} if on else self.off | {id_}, changed=True)

    def with_on(self, ids: Collection[str]) -> "Draft":
        """Switch these prompts on, and all others off."""
        return replace(self, off=frozenset(p.id for p in self.library.prompts if p.id not in ids))

    def with_prompt(self, prompt: Prompt, *, instead_of: str | None = None) -> "Draft":
        """Put a prompt in the place of another, or at the end.

        Raises:
            PromptError: If another prompt has its id.
        """
        prompts = list(self.library.prompts)
        if any(p.id == prompt.id and p.id != instead_of for p in prompts):
            raise PromptError(f"the prompt id '{prompt.id}' stands twice")
        at = next((k for k, p in enumerate(prompts) if p.id == instead_of), None)
        if at is None:
            prompts.append(prompt)
        else:
            prompts[at] = prompt
        off = self.off
        if instead_of in off and instead_of is not None:
            off = off - {instead_of} | {prompt.id}
        return replace(self, library=self._of(prompts), off=off, changed=True)

    def copied(self, id_: str, endings: dict[str, str]) -> tuple["Draft", str]:
        """Copy a prompt; the copy stands behind it.

        Args:
            id_: Of the prompt.
            endings: What its names end in, by language.

        Returns:
            The draft, and the copy's id.
        """
        prompts = list(self.library.prompts)
        at = next(k for k, prompt in enumerate(prompts) if prompt.id == id_)
        taken = {prompt.id for prompt in prompts}
        stem = re.sub(r"-\d+$", "", id_)[: _LONGEST - 4].rstrip("-")
        copy_id = next(f"{stem}-{k}" for k in range(2, 10_000) if f"{stem}-{k}" not in taken)
        data = prompts[at].model_dump()
        data["id"] = copy_id
        data["name"] = {
            lang: f"{data['name'][lang][:280]}{ending}" for lang, ending in endings.items()
        }
        prompts.insert(at + 1, Prompt.model_validate(data))
        return replace(self, library=self._of(prompts), changed=True), copy_id

    def without(self, id_: str) -> "Draft":
        """Take a prompt out; the last one stays.

        Raises:
            PromptError: If it is the last.
        """
        prompts = [prompt for prompt in self.library.prompts if prompt.id != id_]
        if not prompts:
            raise PromptError(f"'{id_}' is the last prompt: a library has at least one")
        return replace(self, library=self._of(prompts), off=self.off - {id_}, changed=True)

    def _of(self, prompts: list[Prompt]) -> PromptLibrary:
        return self.library.model_copy(update={"prompts": tuple(prompts)})


class Shelf:
    """The libraries that a studio knows: those that ship with genmix and those in its folder."""

    def __init__(self, folder: Path) -> None:
        """Know a folder.

        Args:
            folder: Where libraries are saved, made when one is.
        """
        self.folder = folder

    def names(self) -> list[str]:
        """Return the names of all libraries: shipped ones, then saved ones."""
        return [*shipped_libraries(), *self.saved()]

    def saved(self) -> list[str]:
        """Return the names of the saved libraries, sorted."""
        return names_in(self.folder, taken=frozenset(shipped_libraries()))

    def open(self, name: str) -> Draft:
        """Open a library by its name.

        Raises:
            PromptError: If there is none, or its file is not valid.
        """
        if name in (*shipped_libraries(), ALL):
            return Draft(_shipped(name))
        if name not in self.saved():
            raise PromptError(f"there is no prompt library '{name}'")
        try:
            return Draft(load_library(self.path(name)))
        except PromptError as error:
            raise PromptError(str(error).replace(f"{self.folder}/", "")) from error

    def path(self, name: str) -> Path:
        """Return where a saved library is or would be."""
        return self.folder / f"{name}.yaml"

    def save(self, draft: Draft, name: str, *, replace_old: bool) -> Draft:
        """Write what is switched on as a library of this name.

        Raises:
            BadNameError: If the name is none for a file, or a shipped library's.
            NameTakenError: If there is one of that name, and it is not to be replaced.
            NothingOnError: If nothing is switched on.
            OutputError: If it cannot be written.
        """
        check_name(name, reserved=frozenset((*shipped_libraries(), ALL)))
        if not draft.on:
            raise NothingOnError("no prompt is switched on")
        library = draft.library.model_copy(update={"id": name, "prompts": draft.on})
        text = yaml.safe_dump(
            library.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True
        )
        write_named(self.path(name), text.encode(), replace_old=replace_old)
        return Draft(library)


@cache
def _shipped(name: str) -> PromptLibrary:
    """Load a library that never changes once."""
    return load_library(name)


def check_name(name: str, *, reserved: frozenset[str] = frozenset()) -> None:
    """Make sure that a name is one for a file, on every system.

    Raises:
        BadNameError: If it is not: letters, digits and hyphens only, and none of the reserved.
    """
    windows = {"con", "prn", "aux", "nul", *(f"{d}{k}" for d in ("com", "lpt") for k in range(10))}
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or name in reserved | windows:
        raise BadNameError(f"'{name}' cannot be a name here")


def write_named(path: Path, data: bytes, *, replace_old: bool) -> None:
    """Write a file in its folder, over an older one only if that is wanted.

    Raises:
        NameTakenError: If there is one, and it is not to be replaced.
        OutputError: If it cannot be written, or would lie elsewhere by a link.
    """
    if path.is_symlink() or path.parent.is_symlink():
        raise BadNameError(f"'{path.stem}' is a link to elsewhere")
    if path.exists() and not replace_old:
        raise NameTakenError(f"there is a '{path.stem}' already")
    write_whole(path, data)


def names_in(folder: Path, taken: frozenset[str] = frozenset()) -> list[str]:
    """Return the names of the YAML files of a folder that are its own and safe, sorted."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    files = sorted(f for f in folder.glob("*.yaml") if not f.is_symlink() and f.is_file())
    names = [f.stem for f in files if _NAME.fullmatch(f.stem) and f.stem not in taken]
    return names[:_MOST_FILES]


def slug_of(words: str, fallback: str) -> str:
    """Make a name for files out of any words."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")
    return slug or fallback


def prompt_of(values: dict[str, Any]) -> Prompt:
    """Make a prompt of a form's fields; pydantic's ValidationError says which does not fit."""
    return Prompt.model_validate(values)
