"""The server: any editor over HTTP, called as OpenAI's image edits are; one server a GPU."""

from genmix.serving.limits import Limits
from genmix.serving.server import serve

__all__ = ["Limits", "serve"]
