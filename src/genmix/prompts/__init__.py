"""What to ask of an editor: prompts, and the libraries that hold them. No pictures here."""

from genmix.prompts.library import (
    Localized,
    Prompt,
    PromptLibrary,
    load_library,
    shipped_libraries,
)

__all__ = ["Localized", "Prompt", "PromptLibrary", "load_library", "shipped_libraries"]
