"""The output opens, unchanged, in the libraries that people train with."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as PilImage

from genmix.images import decode
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


def odd(kind: str) -> bytes:
    """Encode a picture that Pillow alone shows otherwise than it is meant."""
    colours = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    colours = colours.repeat(8, axis=0).repeat(8, axis=1)
    grey, exif, buffer = colours[..., 0], PilImage.Exif(), io.BytesIO()
    match kind:
        case "16-bit":
            PilImage.fromarray(grey.astype(np.uint16) * 257).save(buffer, "PNG")
        case "floating":
            PilImage.fromarray(grey.astype(np.float32) / 255).save(buffer, "TIFF")
        case "turned":
            exif[ExifTags.Base.Orientation] = 6
            PilImage.fromarray(colours).save(buffer, "JPEG", exif=exif)
        case "transparent":
            PilImage.fromarray(np.dstack([colours, grey // 128 * 255])).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("originals", ["link", "copy"])
def test_torchvision_shows_every_original_as_its_composites_see_it(
    small: Recipe, tmp_path: Path, originals: str
) -> None:
    from torchvision.datasets import ImageFolder

    source, out = tmp_path / "source", tmp_path / "out"
    (source / "odd").mkdir(parents=True)
    for kind in ("16-bit", "floating", "turned", "transparent"):
        (source / "odd" / kind).write_bytes(odd(kind))
    plain = small.changed(prompts={"only": ["snowy"]}, output={"originals": originals})
    augment(source, out, plain)
    kept = [row for row in rows(out) if row["kind"] == "original"]
    loader = ImageFolder(out / "images").loader
    for row in kept:
        meant = decode((source / row["source"]).read_bytes())
        np.testing.assert_array_equal(np.asarray(loader(out / row["output"])), meant, row["source"])
    assert len(kept) == 4


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
