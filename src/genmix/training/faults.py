"""What is wrong with photos, found by reading all of them before anything is trained."""

from collections.abc import Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from genmix.errors import ImageError, TrainingError
from genmix.training.batches import begin_worker
from genmix.training.data import REMOVE_IT, Photos, TrainingData, name_first


def check_photos(photos: TrainingData, workers: int = 0) -> None:
    """Decode every picture of a set once, so that damage is found before anything is trained.

    Args:
        photos: What will be read.
        workers: Processes that read; 0 reads in this one.

    Raises:
        ImageError: If some cannot be used: it names the first ten, with the reasons.
    """
    if faults := find_faults(photos, workers):
        raise ImageError(f"{faults}; remove them and run again")


def find_faults(photos: TrainingData, workers: int = 0) -> str | None:
    """Decode every picture of a set once, and say which cannot be used.

    What is decoded stays in the memory that the set keeps, where it fits.

    Args:
        photos: What will be read.
        workers: Processes that read; 0 reads in this one.

    Returns:
        How many, and the first ten with the reasons; None if all can be used.
    """
    batches = DataLoader(
        _Faults(photos),
        batch_size=32,
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=begin_worker,
        generator=torch.Generator(),  # else torch's own one is drawn from
    )
    faults = [fault for batch in batches for fault in batch if fault is not None]
    if not faults:
        return None
    return f"{len(faults):,} of {len(photos):,} photos cannot be used: {name_first(faults)}"


def check_apart(trained: Sequence[Photos], tested: Photos, where: str | None = None) -> None:
    """Make sure that nothing is tested on photos that are trained on, whatever they are called.

    A photo is known by its bytes, and a picture that genmix made by those of its original.

    Args:
        trained: What is trained on.
        tested: What is tested on.
        where: Where that lies, if there are several.

    Raises:
        TrainingError: If a photo is in both; it says how many are, and names the first ten.
        ImageError: If a photo cannot be read.
    """
    names: dict[str, str] = {}
    made: set[str] = set()
    for part in trained:
        names.update(zip(part.hashes(), _paths(part), strict=True))
        made.update(part.hashes() if part.is_output else ())
    own = zip(_paths(tested), tested.hashes(), strict=True)
    both = {path: photo for path, photo in own if photo in names}
    if not both:
        return
    count = f"{len(both):,} of the {len(tested):,} photos to test on"
    if where is not None:
        count += f" in {where}"
    if from_made := [path for path, photo in both.items() if photo in made]:
        raise TrainingError(
            f"genmix made pictures to train on of {count}, the first is {from_made[0]}: test on "
            "other photos"
        )
    called = [
        path if names[photo] == path else f"{path} (there {names[photo]})"
        for path, photo in both.items()
    ]
    raise TrainingError(
        f"{count} are also trained on: {name_first(called)}; test on other photos, or remove them "
        "from one of the two"
    )


def _paths(photos: Photos) -> list[str]:
    return [photo.path for photo in photos.photos]


class _Faults(Dataset[str | None]):
    """What is wrong with each picture of a set; None where it can be read."""

    def __init__(self, photos: TrainingData) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> str | None:
        try:
            self.photos[index]
        except ImageError as error:
            return str(error).removesuffix(REMOVE_IT)
        return None
