"""The dataset card is read by the hub's own library, and the Croissant file by its validator."""

import hashlib
import json
import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard, metadata_load
from huggingface_hub.repocard_data import DatasetCardData

from genmix.datasets.card import card_text
from genmix.datasets.croissant import croissant_text
from genmix.jobs import augment
from genmix.recipe import Recipe
from tests.jobs.outputs import contents, rows

# What the hub's own documentation allows (DatasetCardData, and its lists of tasks and sizes).
_SIZES = {"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "n>1M"}


@pytest.fixture(scope="module")
def out(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output with originals, one of them no JPEG, and a class that is no name of a folder."""
    import shutil

    from genmix.images import decode, encode_png

    source, out = (tmp_path_factory.mktemp("card") / name for name in ("source", "out"))
    shutil.copytree(photos, source)
    first = next(source.rglob("*.jpg"))
    (source / "a%b").mkdir()
    (source / "a%b" / "x.png").write_bytes(encode_png(decode(first.read_bytes())))
    recipe = Recipe().changed(
        size=48,
        prompts={"only": ["snowy"]},
        fractals={"count": 6},
        output={"originals": "copy"},
        rights={"photos": "CC-BY-4.0"},
    )
    augment(source, out, recipe)
    return out


def card(**changes: Any) -> str:
    values: dict[str, Any] = {
        "written": 1, "classes": {"cat": 1}, "prompt_counts": {}, "prompts": (), "rejected": {},
        "failed": {}, "licenses": {"MIT": 1}, "size": 48, "editor": "e", "about": {},
        "model_license": None, "sheet": None,
    }  # fmt: skip
    return card_text(**(values | changes))


def about(card: DatasetCard) -> dict[str, Any]:
    told: dict[str, Any] = card.data.to_dict()  # type: ignore[no-untyped-call]
    return told


def test_the_hubs_library_reads_the_card_and_writes_it_back_the_same(out: Path) -> None:
    read = DatasetCard.load(out / "README.md")
    assert isinstance(read.data, DatasetCardData)
    assert read.data.license == ["cc-by-4.0"]
    assert read.data.task_categories == ["image-classification"]
    assert set(read.data.size_categories or ()) <= _SIZES
    assert about(read) == metadata_load(out / "README.md")
    again = DatasetCard(str(read))
    assert about(again) == about(read)
    assert again.text == read.text


@pytest.mark.parametrize("written", [0, 999, 1000, 999_999, 1_000_000])
def test_sizes_are_those_that_the_hub_knows(written: int) -> None:
    read = DatasetCard(card(written=written)).data
    assert isinstance(read, DatasetCardData)
    assert set(read.size_categories or ()) <= _SIZES


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        ({}, {"license": ["unknown"]}),
        ({"MIT": 1, "CC0-1.0": 2}, {"license": ["cc0-1.0", "mit"]}),
        (
            {"MIT": 1, "Own: terms!": 2},
            {
                "license": "other",
                "license_name": "mit-and-own-terms-",
                "license_link": "README.md",
            },
        ),
    ],
)
def test_licences_are_named_as_the_hub_names_them(
    licenses: dict[str, int], expected: dict[str, Any]
) -> None:
    told = about(DatasetCard(card(licenses=licenses)))
    assert {key: value for key, value in told.items() if key.startswith("license")} == expected


def test_a_licence_with_markup_stays_text() -> None:
    assert "[x](http" not in card(licenses={"[x](http://a)": 1}, model_license="[y](http://b)")


def test_the_official_validator_accepts_the_croissant_file(out: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("mlcroissant"), "validate", "--jsonld", "croissant.json"],
        cwd=out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    assert "Done." in done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlcroissant", "ignore:::rdflib")
def test_its_records_are_the_pictures_the_classes_and_the_rows(
    out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    with caplog.at_level(logging.ERROR):
        described = mlcroissant.Dataset(out / "croissant.json")

    def records(name: str) -> list[dict[str, Any]]:
        return [
            {
                key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value
                for key, value in record.items()
            }
            for record in described.records(name)
        ]

    made = [row for row in rows(out) if row["decision"] == "written"]
    classes = {entry["folder"]: entry["name"] for entry in records("classes")}
    assert set(classes.values()) == {row["label"] for row in made}
    assert classes["a%25b"] == "a%b"
    pictures = records("pictures")
    assert {picture["path"] for picture in pictures} == {row["output"] for row in made}
    assert Counter(classes[picture["folder"]] for picture in pictures) == Counter(
        row["label"] for row in made
    )
    assert all(picture["image"].size >= (48, 48) for picture in pictures)
    listed = records("manifest-rows")
    assert [entry["source_sha256"] for entry in listed] == [r["source_sha256"] for r in rows(out)]
    assert records("splits") == [{"name": "train"}]


def test_the_croissant_file_holds_the_manifests_hash_and_the_licence(out: Path) -> None:
    told = json.loads((out / "croissant.json").read_text())
    (manifest,) = [file for file in told["distribution"] if file["@type"] == "cr:FileObject"]
    assert (
        manifest["sha256"]
        == hashlib.sha256((out / manifest["contentUrl"]).read_bytes()).hexdigest()
    )
    assert told["license"] == ["CC-BY-4.0"]
    assert contents(out)["croissant.json"]


def test_an_output_without_pictures_is_described_and_valid(tmp_path: Path) -> None:
    text = croissant_text(written=0, classes=[], licenses=[], suffixes=[], manifest_sha256="0" * 64)
    (tmp_path / "croissant.json").write_text(text)
    done = subprocess.run(
        [Path(sys.executable).with_name("mlcroissant"), "validate", "--jsonld", "croissant.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
