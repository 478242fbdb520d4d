"""Compositing at 512² in one process: alone, and in the loop from cached edits to JPEG."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from benchmarks.result import Result, medians
from genmix.compose import compose
from genmix.datasets import open_source
from genmix.editing.cache import EditCache
from genmix.editing.procedural import ProceduralEditor
from genmix.fractals import FractalBank
from genmix.images import Image, decode, encode_jpeg, prepare, resize
from genmix.jobs.pipeline import Pipeline
from genmix.masks import FAMILIES, make_mask
from genmix.prompts import load_library
from genmix.recipe import load_recipe

SIZE = 512
SEAM_PX = 20
BLEND = 0.2

Composer = Callable[[Image, Image, Image, int], Image]


def transcription(original: Image, edit: Image, fractal: Image, k: int) -> Image:
    """The paper's formulas in plain NumPy: H = M ⊙ Î + (1 - M) ⊙ I, A = (1 - λ) H + λ F."""
    mask = _plain_mask(FAMILIES[k % len(FAMILIES)])
    hybrid = mask * edit.astype(np.float64) + (1 - mask) * original.astype(np.float64)
    composite = (1 - BLEND) * hybrid + BLEND * fractal.astype(np.float64)
    return np.clip(np.rint(composite), 0, 255).astype(np.uint8)


def ours(original: Image, edit: Image, fractal: Image, k: int) -> Image:
    """The same through genmix, mask and all."""
    mask = make_mask(FAMILIES[k % len(FAMILIES)], SIZE, SIZE, seam=SEAM_PX / SIZE)
    return compose(original, edit, mask, fractal, BLEND)


def removed(original: Image, edit: Image, fractal: Image, k: int) -> Image:  # noqa: ARG001
    """No compositing: what is left is decoding and encoding."""
    return edit


def run() -> Iterator[Result]:
    """Measure compositing alone, then the loop."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    original, edit, fractal = rng.integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)

    def alone(composer: Composer) -> Callable[[], None]:
        def call() -> None:
            for k in range(2 * len(FAMILIES)):
                composer(original, edit, fractal, k)

        return call

    per_call = 2 * len(FAMILIES)
    fast, plain = (t / per_call for t in medians([alone(ours), alone(transcription)], 15))
    yield Result("composite: plain NumPy transcription", f"{plain * 1e3:.2f} ms")
    yield Result("composite: genmix", f"{fast * 1e3:.2f} ms", f"{plain / fast:.1f} x", ">= 15 x")
    with tempfile.TemporaryDirectory() as folder:
        yield from _loop(Path(folder))


def _loop(folder: Path) -> Iterator[Result]:
    """Time the job's loop: a photo decoded once, then for each of its edits decode to encode."""
    photos = _photos()
    bank = FractalBank.open(8, SIZE, 0)
    prompts = load_library("classification").prompts
    cache, editor = EditCache(folder / "edits"), ProceduralEditor()
    for name, encoded in photos.items():
        image = prepare(decode(encoded, at_least=SIZE), SIZE, "stretch")
        for prompt in prompts:
            cache.put(f"{name}-{prompt.id}", editor.edit([image], [prompt], [0])[0])

    def loop(composer: Composer) -> Callable[[], None]:
        def call() -> None:
            for name, encoded in photos.items():
                image = prepare(decode(encoded, at_least=SIZE), SIZE, "stretch")
                for k, prompt in enumerate(prompts):
                    edit = cache.get(f"{name}-{prompt.id}")
                    assert edit is not None
                    encode_jpeg(composer(image, edit, bank[k % len(bank)], k))

        return call

    count = len(photos) * len(prompts)
    fast, plain, floor = (
        t / count for t in medians([loop(ours), loop(transcription), loop(removed)], 7)
    )
    yield Result("loop with the transcription", f"{1 / plain:.0f} /s")
    yield Result("loop with compositing removed", f"{1 / floor:.0f} /s")
    yield Result(
        "loop, genmix to transcription", f"{1 / fast:.0f} /s", f"{plain / fast:.1f} x", ">= 4 x"
    )
    yield Result("loop, genmix to the codec floor", "", f"{floor / fast:.0%}", ">= 75 %")
    yield _job(folder, photos, bank)


def _job(folder: Path, photos: dict[str, bytes], bank: FractalBank) -> Result:
    """Time the job itself, which also screens, hashes and keeps a manifest."""
    (folder / "photos" / "all").mkdir(parents=True)
    for name, encoded in photos.items():
        (folder / "photos" / "all" / f"{name}.jpg").write_bytes(encoded)
    recipe = load_recipe("paper")
    source = open_source(folder / "photos")
    pipeline = Pipeline(
        source, recipe, recipe.chosen_prompts(), bank, EditCache(folder / "job-edits")
    )
    (seconds,) = medians([lambda: list(pipeline.run(source.photos))], 5)
    count = len(photos) * len(recipe.chosen_prompts())
    return Result("the job's pipeline from cached edits", f"{count / seconds:.0f} /s")


def _photos() -> dict[str, bytes]:
    """Real photos at the size of a web picture, 500 x 375."""
    loaded = {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")}
    return {name: encode_jpeg(resize(image, 375, 500)) for name, image in loaded.items()}


def _plain_mask(family: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    ramp = np.concatenate(
        [
            np.ones((SIZE - SEAM_PX) // 2),
            1 - (np.arange(SEAM_PX) + 0.5) / SEAM_PX,
            np.zeros((SIZE - SEAM_PX) // 2),
        ]
    )
    if family == "circle":
        y, x = (axis + 0.5 - SIZE / 2 for axis in np.ogrid[:SIZE, :SIZE])
        radius = SIZE / np.sqrt(2 * np.pi)
        flat = np.clip(0.5 - (np.hypot(x, y) - radius) / SEAM_PX, 0, 1)
    elif family in {"left", "right"}:
        flat = np.tile(ramp if family == "left" else ramp[::-1], (SIZE, 1))
    else:
        flat = np.tile((ramp if family == "top" else ramp[::-1])[:, None], (1, SIZE))
    return np.repeat(flat[:, :, None], 3, axis=2)
