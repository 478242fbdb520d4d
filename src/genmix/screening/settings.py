"""The settings of the screens: which are on, with which limits and which models."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BlankSettings(_Settings):
    """When an edit counts as blank.

    Attributes:
        min_contrast: Least contrast of an edit that is kept, in levels of 255; see `contrast`.
    """

    min_contrast: float = Field(default=4.0, ge=0, le=128)


class UnchangedSettings(_Settings):
    """When an edit counts as its original over again.

    Attributes:
        min_difference: Least difference of an edit that is kept, in levels of 255; see
            `difference`.
    """

    min_difference: float = Field(default=6.0, ge=0, le=255)


class StructureSettings(_Settings):
    """When an edit counts as a picture of something else.

    Attributes:
        min_similarity: Least similarity of an edit that is kept, in [-1, 1]; see `similarity`.
    """

    min_similarity: float = Field(default=0.25, ge=-1, le=1)


class SimilaritySettings(_Settings):
    """When an edit no longer shows the same to an encoder.

    Attributes:
        encoder: As `genmix.screening.encoders.open_encoder` takes it.
        min_similarity: Least cosine between the features of the original and of an edit that is
            kept; the encoder's own when left out.
    """

    encoder: str = "dinov2"
    min_similarity: Annotated[float, Field(ge=-1, le=1)] | None = None


class DensitySettings(_Settings):
    """When an edit is less like its original than photos of the class are like each other.

    Attributes:
        encoder: As `genmix.screening.encoders.open_encoder` takes it.
        min_density: Least share of the peak of the class's Gaussian for an edit that is kept; the
            encoder's own when left out.
        photos: At most so many photos of each class are compared with each other.
    """

    encoder: str = "dinov2"
    min_density: Annotated[float, Field(ge=0, le=1)] | None = None
    photos: int = Field(default=48, ge=2, le=1000)


class LabelSettings(_Settings):
    """When a classifier no longer sees the original's class in an edit.

    Attributes:
        model: A classifier that genmix trained: its folder, or `model.safetensors` in it.
        top: The class must be among so many of the likeliest.
        min_probability: Least probability of the class instead, when given.
    """

    model: str
    top: int = Field(default=1, ge=1)
    min_probability: Annotated[float, Field(ge=0, le=1)] | None = None


class DuplicateSettings(_Settings):
    """When an edit counts as an earlier edit of the same photo over again.

    Attributes:
        min_difference: Least difference from every earlier edit, in levels of 255; see
            `genmix.screening.classical.difference`.
    """

    min_difference: float = Field(default=6.0, ge=0, le=255)


class SafetySettings(_Settings):
    """What finds in an edit what must not be shown: a checker, or a classifier and its classes.

    Attributes:
        checker: A diffusion model whose safety checker is asked: a folder that `save_pretrained`
            wrote, or `<id>[@revision]` on the hub.
        model: Or a classifier that genmix trained: its folder, or `model.safetensors` in it.
        classes: The classifier's classes that must not be shown.
        max_probability: Greatest probability of all of them together.
    """

    checker: str | None = None
    model: str | None = None
    classes: tuple[str, ...] = ()
    max_probability: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.checker is None) is (self.model is None):
            raise ValueError("give either a checker, or a model with its classes")
        if (self.model is None) is not (self.classes == ()):
            raise ValueError("model and classes belong together: give both, or a checker alone")
        return self


class ScreenSettings(_Settings):
    """Which screens look at the edits, and their limits; None turns one off.

    What an editor's own safety checker refuses is rejected also where `safety` is None; the
    editor's setting turns that checker off.
    """

    safety: SafetySettings | None = None
    blank: BlankSettings | None = BlankSettings()
    unchanged: UnchangedSettings | None = UnchangedSettings()
    structure: StructureSettings | None = StructureSettings()
    similarity: SimilaritySettings | None = None
    density: DensitySettings | None = None
    label: LabelSettings | None = None
    duplicates: DuplicateSettings | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the screens that are on, in the order in which they are asked."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)
