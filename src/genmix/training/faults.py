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


def check_apart(trained: Sequence[Photos], tested: Photos) -> None:
    """Make sure that an output is not tested on the photos that it was made of.

    Args:
        trained: What is trained on; where none of it is an output, nothing is looked for.
        tested: What is tested on.

    Raises:
        TrainingError: If a photo is in both; it says how many are, and names the first.
        ImageError: If a photo cannot be read.
    """
    seen = {photo for part in trained if part.is_output for photo in part.hashes()}
    if not seen:
        return
    both = [p.path for p, own in zip(tested.photos, tested.hashes(), strict=True) if own in seen]
    if both:
        raise TrainingError(
            f"genmix made pictures to train on of {len(both):,} of the {len(tested):,} photos to "
            f"test on, the first is {both[0]}: test on other photos"
        )


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
