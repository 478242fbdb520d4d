"""Editors: what turns a photo into another picture of the same thing, asked by a prompt."""

from genmix.editing.editor import Editor, Settings, edit_pictures, open_editor

__all__ = ["Editor", "Settings", "edit_pictures", "open_editor"]
