"""Three hundred damaged files among good ones: all are named, and all good ones are made."""

import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from genmix.errors import ImageError
from genmix.images import decode
from genmix.jobs import augment
from genmix.recipe import Recipe
from tests.jobs.outputs import rows

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MODES = {"JPEG": "CMYK", "PNG": "I;16", "WEBP": "RGBA", "BMP": "1", "TIFF": "F", "GIF": "P"}


def encoded(kind: str, mode: str, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    picture = PilImage.fromarray(pixels)
    if mode == "I;16":
        picture = PilImage.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif mode != "RGB":
        picture = picture.convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def damaged(count: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(7)
    bomb = encoded("PNG", "RGB", 0)
    bomb = bomb[:16] + (60_000).to_bytes(4, "big") * 2 + bomb[24:]
    for k in range(count):
        kind = FORMATS[k % len(FORMATS)]
        data = bytearray(encoded(kind, ("RGB", MODES[kind])[k % 2], k))
        name = f"{k:03}.{chance.choice(['jpg', 'png', 'webp', 'bmp', 'tif', 'gif'])}"
        match k % 5:
            case 0:
                for _ in range(chance.randint(1, 12)):
                    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 1:
                del data[chance.randrange(len(data)) :]
            case 2:
                data = bytearray(chance.randbytes(chance.randint(0, 400)))
            case 3:
                data[chance.randrange(20) : chance.randrange(20, 60)] = chance.randbytes(30)
            case 4:
                data = bytearray(bomb)
        yield name, bytes(data)


def test_damaged_files_are_listed_with_their_reason_and_all_others_are_written(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(photos, source)
    good = {p.relative_to(source).as_posix() for p in source.rglob("*.jpg")}
    for k, kind in enumerate(FORMATS):
        for mode in ("RGB", MODES[kind]):
            name = f"disc/odd-{kind}-{mode.replace(';', '')}.{kind.lower()}"
            (source / name).write_bytes(encoded(kind, mode, k))
            good.add(name)
    bad = {}
    for name, data in damaged(300):
        (source / "disc" / name).write_bytes(data)
        try:
            decode(data)
            good.add(f"disc/{name}")
        except ImageError as error:
            bad[f"disc/{name}"] = str(error)
    assert len(bad) > 200

    recipe = small.changed(prompts={"only": ["sunset"]}, screens={"blank": None})
    summary = augment(source, tmp_path / "out", recipe.changed(screens={"unchanged": None}))

    by_source = {row["source"]: row for row in rows(tmp_path / "out")}
    assert set(by_source) == good | set(bad)
    assert {s for s, r in by_source.items() if r["decision"] == "written"} == good
    assert summary.tally.failed_photos == {s: by_source[s]["reason"] for s in bad}
    assert summary.tally.failed_photos == bad
