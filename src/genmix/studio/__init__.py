"""The studio: prompts and mixing in the browser, for people who know the product, not the model."""

from genmix.studio.app import Settings, create_app
from genmix.studio.server import serve

__all__ = ["Settings", "create_app", "serve"]
