"""The output opens, unchanged, in the libraries that people train with."""

from collections import Counter
from pathlib import Path

import pytest

from genmix.jobs import augment
from genmix.recipe import Recipe
from tests.jobs.outputs import rows


@pytest.fixture
def out(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    augment(photos, tmp_path / "out", small.changed(output={"originals": "link"}))
    return tmp_path / "out"


def written(out: Path) -> Counter[str]:
    return Counter(r["label"] for r in rows(out) if r["decision"] == "written")


def test_torchvision_reads_the_same_classes_and_counts(out: Path) -> None:
    from torchvision.datasets import ImageFolder

    found = ImageFolder(out / "images")
    assert Counter(found.classes[k] for k in found.targets) == written(out)
    picture, _ = found[0]
    assert picture.size == (48, 48)


@pytest.mark.parametrize("whole", [True, False])
def test_hugging_face_reads_the_same_classes_and_counts(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    if whole:  # the dataset card says where the pictures are
        found = load_dataset(str(out), split="train", cache_dir=str(tmp_path / "hf"))
    else:
        found = load_dataset(
            "imagefolder",
            data_dir=str(out / "images"),
            split="train",
            cache_dir=str(tmp_path / "hf"),
        )
    names = found.features["label"].names
    assert Counter(names[k] for k in found["label"]) == written(out)
