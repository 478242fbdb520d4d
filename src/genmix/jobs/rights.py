"""Licences of photos and models: what is known of them, and whether a recipe allows them."""

from collections.abc import Iterable, Sequence

from genmix.datasets import Photo
from genmix.editing import Editor
from genmix.errors import RightsError
from genmix.recipe import Recipe

UNKNOWN = "unknown"
"""What stands for a licence that nobody stated."""

_NAMED = 3


def photo_license(photo: Photo, recipe: Recipe) -> str:
    """Return a photo's licence: as its source states it, else as the recipe does for all."""
    return photo.license or recipe.rights.photos or UNKNOWN


def model_license(editor: Editor, recipe: Recipe) -> str | None:
    """Return the licence of an editor's model: as its card states it, else as the recipe does.

    Returns:
        The licence; None where no trained model draws.
    """
    if not getattr(editor, "generative", True):
        return None
    stated: str | None = getattr(editor, "licence", None)
    return stated or recipe.rights.model or UNKNOWN


def check_rights(photos: Iterable[Photo], recipe: Recipe, editor: Editor) -> None:
    """Refuse, before any work, what the recipe's allow-list does not name.

    Licences are compared as text, in any case of letters: a list that does not know a licence
    refuses it, so a slip of the pen lets nothing through.

    Raises:
        RightsError: If there is such a photo or model; the message names the first.
    """
    if recipe.rights.allow is None:
        return
    allowed = {name.casefold() for name in recipe.rights.allow}
    model = model_license(editor, recipe)
    if model is not None and model.casefold() not in allowed:
        raise RightsError(
            f"the model of the editor '{recipe.editor.name}' has the licence {model}, which the "
            f"recipe does not allow (rights.allow: {', '.join(recipe.rights.allow)}): choose "
            "another editor, or state its licence in rights.model if its card does not"
        )
    refused = [
        f"{photo.path}: {stated}"
        for photo in photos
        if (stated := photo_license(photo, recipe)).casefold() not in allowed
    ]
    if refused:
        raise RightsError(_of_photos(refused, recipe.rights.allow))


def _of_photos(refused: Sequence[str], allow: Sequence[str]) -> str:
    more = f"; and {len(refused) - _NAMED:,} more" if len(refused) > _NAMED else ""
    return (
        f"{len(refused):,} photos have a licence that the recipe does not allow (rights.allow: "
        f"{', '.join(allow)}): {'; '.join(refused[:_NAMED])}{more}: take them out of the source, "
        "or state the licence of the photos in rights.photos or in a column 'license'"
    )
