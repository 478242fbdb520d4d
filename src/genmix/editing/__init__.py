"""Editors: what turns a photo into another picture of the same thing, asked by a prompt."""

from genmix.editing.editor import Editor, open_editor

__all__ = ["Editor", "open_editor"]
