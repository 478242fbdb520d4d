"""What the job writes into its composites, and that signing keeps every promise but one."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from genmix.errors import OutputError
from genmix.images import decode
from genmix.jobs import augment
from genmix.provenance.metadata import linked_item
from genmix.provenance.signing import open_signing
from genmix.recipe import EditorChoice, Recipe
from tests.jobs.outputs import contents, rows
from tests.provenance.certificates import write_chain
from tests.provenance.test_signing import read


def source_types(folder: Path) -> dict[str, str | None]:
    """Read the source type of every picture in a folder, by file name, as exiftool finds it."""
    asked = ["exiftool", "-j", "-r", "-XMP-iptcExt:DigitalSourceType", str(folder)]
    told = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    found = {Path(one["SourceFile"]).name: one.get("DigitalSourceType") for one in told}
    return {name: uri and uri.rpartition("/")[2] for name, uri in found.items()}


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_composites_say_how_they_were_made_and_link_to_their_row(
    photos: Path, small: Recipe, tmp_path: Path, kind: str
) -> None:
    output = {"originals": "copy", "format": kind}
    augment(photos, tmp_path / "out", small.changed(output=output))
    told = source_types(tmp_path / "out" / "images")
    made = [row for row in rows(tmp_path / "out") if row["decision"] == "written"]
    assert len({row["item"] for row in made if row["kind"] == "composite"}) == 24
    for row in made:
        data = (tmp_path / "out" / row["output"]).read_bytes()
        composite = row["kind"] == "composite"
        assert told[Path(row["output"]).name] == ("composite" if composite else None)
        assert linked_item(data) == row["item"]
        assert (row["item"] is not None) is composite
        assert hashlib.sha256(data).hexdigest() == row["output_sha256"]
        for personal in (Path(row["source"]).name, row["label"]):
            assert not composite or personal.encode() not in data


def test_without_fractals_a_composite_is_but_an_altered_photo(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    augment(photos, tmp_path / "out", small.changed(blend=0.0))
    assert set(source_types(tmp_path / "out" / "images").values()) == {"algorithmicallyEnhanced"}


def test_an_editor_that_does_not_say_is_taken_for_a_generative_one(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PlugIn:
        fingerprint, batch_size = "plug-in", 2

        def check(self, prompts: object) -> None: ...

        def edit(self, images: list[Any], *_: object) -> list[Any]:
            return [255 - image for image in images]

    monkeypatch.setattr(EditorChoice, "open", lambda _: PlugIn())
    augment(photos, tmp_path / "out", small)
    found = source_types(tmp_path / "out" / "images")
    assert set(found.values()) == {"compositeWithTrainedAlgorithmicMedia"}
    assert {row["model_license"] for row in rows(tmp_path / "out")} == {"unknown"}


def test_signed_composites_are_trusted_their_hashes_true_and_the_key_nowhere(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    chain, key, root = write_chain(tmp_path / "secret")
    signing = open_signing(chain, key)
    augment(photos, tmp_path / "plain", small, edits=tmp_path / "edits")
    augment(photos, tmp_path / "out", small, edits=tmp_path / "edits", signing=signing, workers=2)
    unsigned = {row["output"]: row for row in rows(tmp_path / "plain")}
    for row in rows(tmp_path / "out"):
        data = (tmp_path / "out" / row["output"]).read_bytes()
        state, manifest = read(data, "image/jpeg", root)
        assert state == "Trusted"
        assert manifest["ingredients"][0]["title"] == f"sha256:{row['source_sha256']}"
        assert hashlib.sha256(data).hexdigest() == row["output_sha256"]
        assert row["picture_sha256"] == unsigned[row["output"]]["picture_sha256"]
        assert row["item"] == unsigned[row["output"]]["item"]
    secret = [line for line in key.read_bytes().splitlines() if b"-----" not in line]
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            assert not any(line in kept for line in (*secret, os.fsencode(key.parent)))


def test_signed_and_unsigned_pictures_never_mix_in_one_output(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    signing = open_signing(*write_chain(tmp_path / "mine")[:2])
    other = open_signing(*write_chain(tmp_path / "other")[:2])
    augment(photos, tmp_path / "out", small, signing=signing)
    before = contents(tmp_path / "out")
    for another in (None, other):
        with pytest.raises(OutputError, match="not the same certificate"):
            augment(photos, tmp_path / "out", small, signing=another)
    augment(photos, tmp_path / "out", small, signing=signing)
    assert contents(tmp_path / "out") == before


def test_the_hash_of_the_picture_is_that_of_what_decodes(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    augment(photos, tmp_path / "out", small)
    augment(photos, tmp_path / "other", small.changed(seed=3))
    pixels: dict[str, bytes] = {}
    for out in (tmp_path / "out", tmp_path / "other"):
        for row in rows(out):
            shown = decode((out / row["output"]).read_bytes()).tobytes()
            assert pixels.setdefault(row["picture_sha256"], shown) == shown
    assert len(pixels) == 48
