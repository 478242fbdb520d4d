"""Reading the YAML that users write: safe, bounded, and with errors that name file and line."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from genmix.errors import GenmixError, nearest

MAX_YAML_BYTES = 1 << 20
"""Recipes and prompt libraries are written by hand; anything larger is a mistake or an attack."""

_MOST_NESTED = 50
_MOST_DIGITS = 64
_SCALARS = {"int": "whole number", "float": "number", "timestamp": "date", "bool": "yes or no"}

_SHOULD = {
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "string_type": "should be text: put it in quotes",
    "tuple_type": "should be a list: put it in [ ]",
    "model_type": "should be a mapping of keys to values, or be left out",
    "dict_type": "should be a mapping of keys to values, or be left out",
    "too_short": "should not be empty",
}
"""What to say where pydantic would speak of Python."""

Model = TypeVar("Model", bound=BaseModel)


def load_yaml(path: Path, model: type[Model], error: type[GenmixError]) -> Model:
    """Read a YAML file into a model.

    Args:
        path: The file.
        model: The pydantic model that its content must fit.
        error: What to raise for a file that does not fit.

    Returns:
        The validated model.

    Raises:
        GenmixError: As `error`, with the file, the line, what is wrong and what would be right.
    """
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise error(f"{path} is larger than {MAX_YAML_BYTES >> 20} MiB: is it the right file?")
        text = path.read_text(encoding="utf-8")
    except OSError as cause:
        raise error(f"cannot read {path}: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise error(f"{path} is not UTF-8 text: save it as UTF-8") from cause
    return parse_yaml(text, model, error, name=str(path))


def parse_yaml(text: str, model: type[Model], error: type[GenmixError], name: str) -> Model:
    """Validate YAML text; see `load_yaml`. `name` stands for the file in messages."""
    try:
        node = yaml.compose(text, Loader=_StrictLoader)
        data = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as cause:
        line = cause.problem_mark.line + 1 if cause.problem_mark else 1
        raise error(f"{name}:{line}: not valid YAML: {cause.problem}") from cause
    except yaml.YAMLError as cause:
        raise error(f"{name}: not valid YAML: {' '.join(str(cause).split())}") from cause
    if not isinstance(data, dict):
        raise error(f"{name}: expected 'key: value' lines, found {_kind(data)}")
    return validate(data, model, error, name, node)


def validate(
    data: dict[str, Any],
    model: type[Model],
    error: type[GenmixError],
    name: str,
    node: yaml.Node | None = None,
) -> Model:
    """Validate plain data against a model and report the first fault in one line.

    Args:
        data: The content.
        model: The pydantic model that it must fit.
        error: What to raise.
        name: What to call the content in a message, such as the file's name.
        node: The parsed YAML, from which a line number is taken.

    Returns:
        The validated model.

    Raises:
        GenmixError: As `error`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as cause:
        fault = cause.errors(include_url=False)[0]
        line = _line_of(node, fault["loc"])
        place = f"{name}:{line}" if line else name
        more = f" (and {cause.error_count() - 1} more)" if cause.error_count() > 1 else ""
        raise error(f"{place}: {_describe(fault, model)}{more}") from cause


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses what a hand-written file never needs, and always by line.

    Refused are aliases, repeated keys, keys that are lists or mappings, nesting beyond
    `_MOST_NESTED` and numbers beyond `_MOST_DIGITS`.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed", mark)
        if self._depth > _MOST_NESTED:
            raise yaml.composer.ComposerError(
                None, None, f"nested more than {_MOST_NESTED} deep", mark
            )
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag.endswith(":int") and len(node.value) > _MOST_DIGITS:
            raise _misfit(node)
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError) as cause:  # PyYAML's own, of bad scalars
            raise _misfit(node) from cause

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value if node.id == "mapping" else ():
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is no single word: put text with braces in quotes",
                    key.start_mark,
                )  # fmt: skip
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _misfit(node: yaml.Node) -> yaml.constructor.ConstructorError:
    """Say that a value is not of the kind that it looks like."""
    text, kind = str(node.value), node.tag.rpartition(":")[2]
    shown = text if len(text) <= _MOST_DIGITS else f"{text[:_MOST_DIGITS]}…"
    problem = f"'{shown}' is no {_SCALARS.get(kind, kind)}"
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _describe(fault: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{where}'; {nearest(str(fault['loc'][-1]), _keys(model, fault))}"
    if fault["type"] == "missing":
        return f"'{where}' is missing"
    message = _SHOULD.get(fault["type"]) or fault["msg"]
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    found = fault["input"]
    if fault["type"] == "value_error" or not isinstance(found, str | int | float | bool):
        return f"'{where}': {message}" if where else message
    return f"'{where}' is {found!r}: it {message}"


def _keys(model: type[BaseModel], fault: ErrorDetails) -> list[str]:
    """List the keys that would have been allowed where the unknown one stands."""
    here: type[BaseModel] = model
    for part in fault["loc"][:-1]:
        if isinstance(part, int):
            continue
        annotation = here.model_fields[part].annotation
        while not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            inner = [a for a in getattr(annotation, "__args__", ()) if a is not type(None)]
            if not inner:
                return []
            annotation = inner[0]
        here = annotation
    return list(here.model_fields)


def _line_of(node: yaml.Node | None, location: tuple[str | int, ...]) -> int | None:
    """Find the line, counted from 1, of the deepest part of `location` that the text has."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _kind(data: object) -> str:
    return {type(None): "nothing", list: "a list", str: "text"}.get(type(data), "a single value")
