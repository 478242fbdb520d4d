"""Prompts and prompt libraries: the model of the YAML files, the shipped ones and a user's own."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from genmix.errors import PromptError, nearest
from genmix.validation import load_yaml, parse_yaml

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\r\n]*\S[^\r\n]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Localized(_Strict):
    """One text in the two languages of genmix."""

    en: Line
    ja: Line


class Prompt(_Strict):
    """One look to ask of an editor.

    Attributes:
        id: Short name in lower case with hyphens; part of file names and of the item's seed.
        prompt: The words as the paper gives them, for editors that take a caption or a style.
        instruction: A sentence that tells an instruction-following editor what to do and what to
            leave alone. Left out, it is the words of `prompt`.
        name: What people see.
        description: What the picture will look like, in a sentence.
        tags: Words to find it by.
    """

    id: Slug
    prompt: Line
    instruction: Line
    name: Localized
    description: Localized
    tags: tuple[Slug, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        """Let a user's own prompt be two lines: id and prompt."""
        if not isinstance(data, dict) or not isinstance(data.get("prompt"), str):
            return data
        words = data["prompt"]
        both = {"en": words, "ja": words}
        return {"instruction": words, "name": both, "description": both, **data}


class PromptLibrary(_Strict):
    """A named set of prompts for one type of problem.

    Attributes:
        id: The name by which recipes and the command line call it.
        name: What people see.
        description: What it is for, in a sentence.
        prompts: At least one; ids are unique.
    """

    id: Slug
    name: Localized | None = None
    description: Localized | None = None
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        seen: set[str] = set()
        for prompt in self.prompts:
            if prompt.id in seen:
                raise ValueError(f"the prompt id '{prompt.id}' stands twice")
            seen.add(prompt.id)
        return self

    def select(self, ids: Iterable[str]) -> tuple[Prompt, ...]:
        """Return the prompts of these ids, in the order asked, each once.

        Raises:
            PromptError: If the library has no such prompt; the message names the nearest.
        """
        by_id = {prompt.id: prompt for prompt in self.prompts}
        wanted = dict.fromkeys(ids)
        for id_ in wanted:
            if id_ not in by_id:
                raise PromptError(
                    f"the library '{self.id}' has no prompt '{id_}'; {nearest(id_, by_id)}"
                )
        return tuple(by_id[id_] for id_ in wanted)


def shipped_libraries() -> tuple[str, ...]:
    """Return the names of the libraries that come with genmix, sorted."""
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir()))


ALL = "all"
"""The name of the union of the shipped libraries, for picking prompts out of several."""


def load_library(name_or_path: str | Path) -> PromptLibrary:
    """Load a shipped library by its name, or a user's file by its path.

    Args:
        name_or_path: A shipped name such as "classification", "all" for the shipped ones
            together, or a `.yaml` / `.yml` file.

    Raises:
        PromptError: If there is no such library, or the file does not fit the schema; the message
            names the file, the line and the fault.
    """
    name = str(name_or_path)
    if name.endswith((".yaml", ".yml")):
        return load_yaml(Path(name), PromptLibrary, PromptError)
    if name == ALL:
        shipped = [load_library(each).prompts for each in shipped_libraries()]
        return PromptLibrary(id=ALL, prompts=tuple(p for prompts in shipped for p in prompts))
    if name not in shipped_libraries():
        raise PromptError(
            f"there is no prompt library '{name}' (a file's name ends in .yaml); "
            f"{nearest(name, shipped_libraries())}"
        )
    text = (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_yaml(text, PromptLibrary, PromptError, name=f"{name}.yaml")


_FOLDER = files("genmix.prompts") / "libraries"
