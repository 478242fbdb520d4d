"""The studio: from prompts to reviews in the browser, for who knows the product, not the model."""

from genmix.studio.app import Settings, create_app
from genmix.studio.server import serve

__all__ = ["Settings", "create_app", "serve"]
