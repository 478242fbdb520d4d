"""The sample as arrays: which picture is of which photo, prompt, class and group."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genmix.auditing.certainty import Floats
from genmix.auditing.ledger import By, Sampled
from genmix.auditing.pictures import Seen

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Views:
    """What was seen of a sample of photos and of what was made of them.

    Attributes:
        sample: The photos.
        pictures: What was made of them, in their order.
        photos: The photos themselves, in their order; None where they cannot be had.
        target: Pictures of a target domain, if one was given.
    """

    sample: Sequence[Sampled]
    pictures: Seen
    photos: Seen | None = None
    target: Seen | None = None

    _of_photo: dict[By, list[str | None]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._of_photo["class"] = [photo.label for photo in self.sample]
        self._of_photo["group"] = [photo.group for photo in self.sample]

    def pictures_of(self, by: By, name: str) -> Chosen:
        """Return which pictures are of a subject."""
        if by == "all":
            return np.ones(len(self.pictures), bool)
        if by == "prompt":
            return np.array([prompt == name for prompt in self._prompts], bool)
        return self.photos_of(by, name)[self.pictures.owners]

    def photos_of(self, by: By, name: str) -> Chosen:
        """Return which photos of the sample are of a class or group."""
        return np.array([value == name for value in self._of_photo[by]], bool)

    @property
    def hashes(self) -> list[str]:
        """The hash of each picture's bytes."""
        return [picture.sha256 for photo in self.sample for picture in photo.pictures]

    @cached_property
    def shifts(self) -> Floats | None:
        """How far each picture's measures are from its photo's, pictures x measures."""
        if self.photos is None:
            return None
        return self.pictures.measures - self.photos.measures[self.pictures.owners]

    @cached_property
    def likeness(self) -> Floats | None:
        """The cosine of each picture with its photo; None without an encoder or the photos."""
        if self.photos is None or self.photos.features is None or self.pictures.features is None:
            return None
        photos = self.photos.features[self.pictures.owners]
        return np.einsum("nf,nf->n", self.pictures.features, photos, dtype=np.float64)

    def by_photo(self, values: Floats, chosen: Chosen) -> Floats:
        """Return the mean over the chosen pictures of each photo that has one.

        Args:
            values: Pictures x anything.
            chosen: Which pictures.

        Returns:
            Photos x the same, in the sample's order.
        """
        owners, places = np.unique(self.pictures.owners[chosen], return_inverse=True)
        sums = np.zeros((len(owners), *values.shape[1:]))
        np.add.at(sums, places, values[chosen])
        counts = np.bincount(places, minlength=len(owners))
        return sums / counts.reshape(-1, *[1] * (values.ndim - 1))

    @cached_property
    def _prompts(self) -> list[str]:
        return [picture.prompt for photo in self.sample for picture in photo.pictures]
