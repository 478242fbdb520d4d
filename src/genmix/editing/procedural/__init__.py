"""The embedded default editor: classical image processing, no weights, no GPU, no download."""

from genmix.editing.procedural.editor import ProceduralEditor, from_name

__all__ = ["ProceduralEditor", "from_name"]
