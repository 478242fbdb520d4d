"""`genmix audit` on outputs of genmix augment, as its users meet it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from genmix.auditing import Audit, Finding, audit
from genmix.cli import main
from genmix.errors import OutputError
from genmix.images import decode, encode_jpeg
from genmix.jobs import augment
from genmix.recipe import Recipe
from tests.jobs.outputs import contents, rows


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """Scenes with a table that says when they were taken; those of the night are dim."""
    folder = tmp_path_factory.mktemp("audit") / "source"
    folder.mkdir()
    lines = ["file_name,label,taken"]
    for path in sorted(photos.rglob("*.jpg")):
        for number in range(2):
            name = f"{path.parent.name}-{path.stem}-{number}.jpg"
            picture = decode(path.read_bytes())
            if number:
                picture = (picture[:, ::-1] * 0.12 + 10).astype(np.uint8)
            (folder / name).write_bytes(encode_jpeg(picture))
            lines.append(f"{name},{path.parent.name},{('day', 'night')[number]}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def output(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output whose screen refuses what has little contrast, which is the night."""
    folder = tmp_path_factory.mktemp("audited") / "out"
    recipe = Recipe().changed(
        size=48,
        prompts={"only": ["autumn", "sunset", "rainbow"]},
        fractals={"count": 4},
        screens={"structure": None, "blank": {"min_contrast": 34}},
    )
    augment(source, folder, recipe, edits=folder.with_name("edits"))
    return folder


@pytest.fixture(scope="module")
def found(output: Path, source: Path) -> Audit:
    return audit(output, source=source, target=source, group="taken")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


def kinds(found: Audit, *, warning: bool) -> list[tuple[str, str]]:
    return [(f.kind, f.subject.get("name", "")) for f in found.findings if f.warning is warning]


def test_the_counts_are_those_of_the_manifest(found: Audit, output: Path) -> None:
    manifest = rows(output)
    everything = found.quality[0]
    written = [row for row in manifest if row["decision"] == "written"]
    assert (everything.by, everything.planned) == ("all", len(manifest))
    assert everything.written == everything.looked_at == len(written)
    assert everything.kept is not None
    assert everything.kept.value == pytest.approx(len(written) / len(manifest))
    assert sum(everything.reasons.values()) == len(manifest) - len(written) > 0
    for row in found.quality:
        column = {"all": None, "prompt": "prompt", "class": "label"}.get(row.by, "")
        if column:
            assert row.planned == sum(each[column] == row.name for each in manifest)
    scores = [row["screen_blank"] for row in manifest]
    assert everything.scores["blank"] == pytest.approx(np.mean(scores), rel=1e-5)


def test_the_group_that_the_screens_reject_is_warned_of(found: Audit) -> None:
    assert ("rejected_more", "night") in kinds(found, warning=True)
    assert not [name for kind, name in kinds(found, warning=True) if name == "day"]
    night = next(tilt for tilt in found.tilts if tilt.name == "night")
    assert night.share_before == pytest.approx(0.5)
    assert night.share_after is not None
    assert night.share_after < 0.4


def test_the_pictures_of_an_output_are_measured(found: Audit) -> None:
    everything = found.quality[0]
    assert everything.measures is not None
    assert everything.shift is not None
    sunset = next(row for row in found.quality if row.name == "sunset")
    assert sunset.shift is not None
    assert sunset.shift["warmth"].low is not None
    assert sunset.shift["warmth"].low > 0
    assert everything.similarity is not None
    assert 0 < everything.similarity.value < 1
    assert everything.diversity is not None
    assert 1 < everything.diversity.vendi <= everything.diversity.pictures
    photos, target = found.yardsticks
    assert (photos.name, target.name) == ("photos", "target")
    # The target is the photos themselves.
    assert photos.measures == pytest.approx(target.measures)
    assert everything.to_target is not None
    assert everything.to_target.discrepancy.value > 0


def test_the_command_prints_tables_and_writes_what_it_found(
    output: Path, source: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "out"
    shutil.copytree(output, copy)
    before = contents(copy)
    done = run(copy, "--source", source, "--target", source, "--group", "taken")
    assert done.exit_code == 0, done.output
    for text in (
        "Prompts: what was kept",
        "diversity",
        "distance",
        "Tilt: groups",
        "group 'night'",
    ):
        assert text in done.stdout
    written = (copy / "audit.json").read_bytes()
    assert contents(copy).items() - before.items() == {
        item for item in contents(copy).items() if item[0] == "audit.json"
    }
    again = run(copy, "--source", source, "--target", source, "--group", "taken", "--json")
    assert (copy / "audit.json").read_bytes() == written == again.stdout.rstrip("\n").encode()
    assert str(tmp_path) not in written.decode()


def test_an_audit_is_read_back(found: Audit, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(found.to_dict()))
    back = Audit.read(str(path))
    assert back.to_dict() == found.to_dict()
    assert isinstance(back.findings[0], Finding)
    path.write_text("{}")
    with pytest.raises(OutputError, match=r"cannot read .* as an audit"):
        Audit.read(path)


def test_the_manifest_alone_is_audited_without_looking_at_a_picture(
    output: Path, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    shutil.copy(output / "manifest.parquet", tmp_path / "out")
    found = audit(tmp_path / "out", source=source, group="taken", pictures=0)
    assert ("rejected_more", "night") in kinds(found, warning=True)
    assert ("not_looked", "") in kinds(found, warning=False)
    assert found.quality[0].looked_at == 0


def test_photos_that_are_in_the_output_need_no_source(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    with_photos = small.changed(output={"originals": "copy"})
    augment(photos, tmp_path / "out", with_photos, edits=tmp_path / "edits")
    found = audit(tmp_path / "out", encoder="none")
    assert found.quality[0].planned == 24
    assert found.quality[0].shift is not None
    assert [finding.kind for finding in found.findings] == ["no_encoder"]
    same = audit(tmp_path / "out", source=photos, encoder="none")
    assert same.quality[0].shift == found.quality[0].shift


def test_without_the_photos_only_what_needs_them_is_missing(output: Path) -> None:
    found = audit(output, pictures=24, encoder="none")
    everything = found.quality[0]
    assert everything.shift is None
    assert everything.measures is not None
    assert 0 < found.looked.pictures <= 24
    assert ("no_photos", "") in kinds(found, warning=False)


_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from genmix.auditing import audit, sentence
found = audit(sys.argv[1], source=sys.argv[2])
print(*map(sentence, found.findings), sep="\\n")
"""


def test_the_core_audits_without_torch_and_says_what_is_missing(output: Path, source: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT_TORCH, str(output), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pip install 'genmix[lite0]'" in done.stdout


def test_a_trained_or_named_encoder_that_is_not_there_is_one_clear_line(output: Path) -> None:
    done = run(output, "--encoder", "efficentnet_lite0")
    assert done.exit_code == 1
    assert "there is no encoder 'efficentnet_lite0'" in done.stderr
    assert len([line for line in done.stderr.splitlines() if "pictures:" not in line]) == 1


def test_a_mistake_is_one_clear_line(
    output: Path, source: Path, photos: Path, tmp_path: Path
) -> None:
    empty, one = tmp_path / "empty", tmp_path / "one"
    empty.mkdir()
    one.mkdir()
    shutil.copy(next(photos.rglob("*.jpg")), one)
    for asked, words in (
        ([photos], "is no finished output of genmix augment"),
        ([output, "--group", "taken"], "give the source, too"),
        ([output, "--source", source, "--group", "takn"], "no column 'takn'; did you mean 'taken'"),
        ([output, "--source", photos], "is not in"),
        ([output, "--source", tmp_path / "none"], "does not exist"),
        ([output, "--comparison", photos], "give the folder of a genmix compare"),
        ([output, "--target", empty], "is empty"),
        ([output, "--target", tmp_path / "none"], "does not exist"),
        ([output, "--target", one], "has 1 picture: give two or more"),
    ):
        done = run(*asked, "--encoder", "none")
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()  # before any picture was looked at
        assert words in line


def test_a_damaged_output_is_one_clear_line(output: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(output, out)
    picture = next((out / "images").rglob("*.jpg"))
    picture.write_bytes(b"no picture")
    line = run(out, "--encoder", "none").stderr.splitlines()[-1]
    assert f"{picture} is damaged" in line
    (out / "recipe.yaml").write_text(": : :")
    assert "recipe.yaml:1: not valid YAML" in run(out, "--encoder", "none").stderr
    pq.write_table(pa.table({"a": [1]}), out / "manifest.parquet")
    (line,) = run(out).stderr.splitlines()
    assert "is no manifest of genmix augment: it has no column kind" in line
    (out / "manifest.parquet").write_bytes(b"no manifest")
    (line,) = run(out).stderr.splitlines()
    assert f"cannot read {out / 'manifest.parquet'}" in line


def test_a_photo_that_has_changed_is_noticed(output: Path, source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "source")
    for path in (tmp_path / "source").glob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"\0")
    assert "has changed since" in run(output, "--source", tmp_path / "source").stderr


def test_a_target_may_be_pictures_that_just_lie_in_a_folder(
    output: Path, photos: Path, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
        shutil.copy(path, tmp_path / f"{number}.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    found = audit(output, target=tmp_path, encoder="none", pictures=12)
    assert found.looked.target == 12
    assert found.yardsticks[-1].name == "target"
