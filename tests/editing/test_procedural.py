"""The procedural editor: every shipped prompt has its look, and looks keep their contract."""

import subprocess
import sys
from functools import cache
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.editing import Editor, open_editor
from genmix.editing.procedural import ProceduralEditor, from_name
from genmix.editing.procedural.looks import LOOKS
from genmix.errors import EditorError
from genmix.images import Image
from genmix.prompts import Prompt, load_library, shipped_libraries

PROMPTS = [prompt for name in shipped_libraries() for prompt in load_library(name).prompts]
PAPER = [
    *load_library("classification").prompts,
    *load_library("domain-adaptation").prompts,
]
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
EDITOR = ProceduralEditor()

every_prompt = pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
every_paper_prompt = pytest.mark.parametrize("prompt", PAPER, ids=lambda prompt: prompt.id)

Vector = npt.NDArray[np.float64]


@cache
def photo(name: str, side: int = 128) -> Image:
    """Cut the middle square out of a real photo; it cannot be written to."""
    image: Image = getattr(skimage.data, name)()[..., :3]
    height, width = image.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = image[top : top + edge, left : left + edge]
    small = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    small.setflags(write=False)
    return small


def edit(image: Image, prompt: Prompt, seed: int = 1, strength: float = 1.0) -> Image:
    (edited,) = ProceduralEditor(strength).edit([image], [prompt], [seed])
    return edited


@cache
def edited(name: str, prompt_id: str, seed: int) -> Image:
    prompt = next(prompt for prompt in PROMPTS if prompt.id == prompt_id)
    return edit(photo(name), prompt, seed)


def users_prompt(**texts: str) -> Prompt:
    """Make a prompt as a user's own library gives it, with little filled in."""
    return Prompt.model_validate(texts)


def difference(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


def grey(image: Image) -> Vector:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float64)


def edges(image: Image) -> Vector:
    """Where a picture has edges, a little blurred, so that a line may lie beside its edge."""
    slopes = np.gradient(cv2.GaussianBlur(grey(image), (0, 0), 1.5))
    return np.asarray(cv2.GaussianBlur(np.hypot(*slopes), (0, 0), 1.5), np.float64)


def features(image: Image) -> Vector:
    """Describe a manner, not a subject: colours, contrast at several scales, above and below."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float64)
    light = lab[..., 0]
    slope = np.hypot(*np.gradient(light))
    bands = [
        np.abs(cv2.GaussianBlur(light, (0, 0), s) - cv2.GaussianBlur(light, (0, 0), 2 * s)).mean()
        for s in (1, 2, 4)
    ]
    saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1]
    shares = np.histogram(saturation, 4, (0, 256))[0] / saturation.size
    half = len(lab) // 2
    return np.concatenate(
        [
            lab.mean((0, 1)),
            lab.std((0, 1)),
            np.percentile(light, (5, 50, 95)),
            [slope.mean(), 100 * (slope > 40).mean(), 100 * (slope < 2).mean()],
            100 * shares,
            10 * np.log1p(bands),
            lab[:half].mean((0, 1)) - lab[half:].mean((0, 1)),
        ]
    )


@every_prompt
def test_every_shipped_prompt_has_a_look(prompt: Prompt) -> None:
    EDITOR.check([prompt])
    assert prompt.id in LOOKS


@every_prompt
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_picture(
    prompt: Prompt,
) -> None:
    first = edit(photo("coffee"), prompt, seed=7)
    assert np.array_equal(first, edit(photo("coffee"), prompt, seed=7))
    assert difference(first, edit(photo("coffee"), prompt, seed=8)) > 0.5


@every_paper_prompt
def test_two_seeds_are_two_clearly_different_pictures(prompt: Prompt) -> None:
    apart = [
        difference(edited("chelsea", prompt.id, a), edited("chelsea", prompt.id, b))
        for a, b in ((0, 1), (2, 3), (4, 5))
    ]
    changed = difference(edited("chelsea", prompt.id, 0), photo("chelsea"))
    assert np.mean(apart) > 0.15 * changed


@every_prompt
def test_an_edit_has_the_size_of_its_image_and_leaves_the_image_alone(prompt: Prompt) -> None:
    image = photo("astronaut").copy()
    before = image.copy()
    result = edit(image, prompt)
    assert np.array_equal(image, before)
    assert not np.shares_memory(result, image)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous


@settings(deadline=None, max_examples=200)
@given(
    prompt=st.sampled_from(PROMPTS),
    height=st.integers(8, 90),
    width=st.integers(8, 90),
    seed=st.integers(0, 2**32 - 1),
    filling=st.sampled_from(["noise", "grey", "black", "white", "photo"]),
)
def test_any_picture_of_any_size_can_be_edited(
    prompt: Prompt, height: int, width: int, seed: int, filling: str
) -> None:
    level = {"grey": 128, "black": 0, "white": 255}.get(filling, 0)
    image = np.full((height, width, 3), level, np.uint8)
    if filling == "noise":
        image = np.random.default_rng(seed).integers(0, 256, image.shape, dtype=np.uint8)
    if filling == "photo":
        image = np.asarray(cv2.resize(photo("chelsea"), (width, height)), np.uint8)
    result = edit(image, prompt, seed)
    assert result.shape == image.shape
    assert result.dtype == np.uint8


@every_prompt
def test_more_strength_goes_further_from_the_original(prompt: Prompt) -> None:
    image = photo("chelsea")
    far = [difference(edit(image, prompt, 3, strength), image) for strength in (0.02, 0.25, 0.5, 1)]
    assert far == sorted(far)
    assert far[0] < min(4.0, 0.25 * far[-1])
    assert far[1] < far[2] < far[3]


def test_an_edit_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    images = [photo("coffee"), photo("rocket", 96), photo("chelsea", 64)]
    prompts, seeds = PROMPTS[:3], [5, 6, 7]
    together = EDITOR.edit(images, prompts, seeds)
    turned = EDITOR.edit(images[::-1], prompts[::-1], seeds[::-1])[::-1]
    for alone, image, prompt, seed, other in zip(
        together, images, prompts, seeds, turned, strict=True
    ):
        assert np.array_equal(alone, edit(image, prompt, seed))
        assert np.array_equal(alone, other)


def test_an_empty_batch_is_an_empty_result() -> None:
    assert EDITOR.edit([], [], []) == []


def test_looks_can_be_told_apart_on_photos_never_seen() -> None:
    ids = [prompt.id for prompt in PAPER]
    right: list[bool] = []
    points = {
        (name, look): np.stack([features(edited(name, look, seed)) for seed in range(6)])
        for name, look in product(PHOTOS, ids)
    }
    for unseen in PHOTOS:
        known = {
            look: np.concatenate([points[name, look] for name in PHOTOS if name != unseen])
            for look in ids
        }
        scale = np.concatenate(list(known.values())).std(0)
        centres = np.stack([(known[look] / scale).mean(0) for look in ids])
        spread = np.concatenate(
            [known[look] / scale - (known[look] / scale).mean(0) for look in ids]
        )
        metric = np.linalg.inv(np.cov(spread.T) + 0.1 * np.eye(len(scale)))
        for truth, look in enumerate(ids):
            away = points[unseen, look][:, None] / scale - centres[None]
            nearest = np.einsum("scf,fg,scg->sc", away, metric, away).argmin(1)
            right += list(nearest == truth)
    assert np.mean(right) > 0.7


@every_paper_prompt
def test_a_look_keeps_the_structure_of_its_photo(prompt: Prompt) -> None:
    own: list[float] = []
    others: list[float] = []
    for name, seed in product(PHOTOS, range(3)):
        drawn = edges(edited(name, prompt.id, seed)).ravel()
        for source in PHOTOS:
            likeness = np.corrcoef(drawn, edges(photo(source)).ravel())[0, 1]
            (own if source == name else others).append(likeness)
    assert np.mean(own) > 0.25
    assert np.mean(own) > np.mean(others) + 0.25


def test_pictures_of_32_pixels_still_show_their_subject() -> None:
    for prompt in PAPER:
        own: list[float] = []
        others: list[float] = []
        for name, seed in product(PHOTOS, range(3)):
            drawn = grey(edit(photo(name, 32), prompt, seed))
            slopes = np.hypot(*np.gradient(drawn)).ravel()
            for source in PHOTOS:
                seen = np.hypot(*np.gradient(grey(photo(source, 32)))).ravel()
                (own if source == name else others).append(np.corrcoef(slopes, seen)[0, 1])
        assert np.mean(own) > np.mean(others) + 0.1, prompt.id


@pytest.mark.parametrize("look", ["crayon-sketch", "chalk-drawing", "graffiti", "retro-comic"])
def test_drawings_leave_the_texture_of_the_photo_behind(look: str) -> None:
    def texture(image: Image) -> Vector:
        light = grey(image)
        return (light - cv2.GaussianBlur(light, (0, 0), 1.0)).ravel()

    kept = [
        np.corrcoef(texture(edited(name, look, seed)), texture(photo(name)))[0, 1]
        for name, seed in product(PHOTOS, range(3))
    ]
    assert np.mean(kept) < 0.4


def test_a_cartoon_has_few_colours_and_bold_dark_lines() -> None:
    dark, few = [], []
    for name, seed in product(PHOTOS, range(3)):
        cartoon = edited(name, "cartoon-style", seed)
        used, before = (
            len(np.unique((image >> 4).reshape(-1, 3), axis=0)) for image in (cartoon, photo(name))
        )
        assert used < before
        dark.append((cartoon.max(2) < 60).mean())
        few.append(used / before)
    assert np.mean(few) < 0.5
    assert np.mean(dark) > 0.03


def test_a_crayon_sketch_shows_its_paper_and_a_chalk_drawing_its_board() -> None:
    for seed in range(6):
        sketch, board = (
            edited("rocket", look, seed) for look in ("crayon-sketch", "chalk-drawing")
        )
        papers, count = np.unique((sketch >> 3).reshape(-1, 3), axis=0, return_counts=True)
        assert count.max() > 0.1 * sketch.shape[0] * sketch.shape[1]
        assert len(papers) > 1
        assert np.median(grey(board)) < 100


def test_sketches_are_sometimes_lines_alone_and_sometimes_coloured() -> None:
    seeds = range(16)
    inked = [(grey(edited("coffee", "crayon-sketch", seed)) < 170).mean() for seed in seeds]
    assert min(inked) < 0.3 < 0.4 < max(inked)


def test_autumn_turns_green_to_warm_colours() -> None:
    meadow = np.full((96, 96, 3), (70, 150, 50), np.uint8)
    red, green, blue = edit(meadow, PAPER[0]).reshape(-1, 3).mean(0)
    assert red > green + 30 > blue + 30


def test_snow_is_colder_and_brighter_and_aurora_is_night() -> None:
    for name, seed in product(("astronaut", "coffee", "chelsea"), range(2)):
        before = photo(name).reshape(-1, 3).mean(0)
        snow = edited(name, "snowy", seed).reshape(-1, 3).mean(0)
        night = edited(name, "aurora", seed).reshape(-1, 3).mean(0)
        assert snow[2] - snow[0] > before[2] - before[0]
        assert snow.mean() > before.mean()
        assert night.mean() < before.mean()
        assert night[1] > night[0]


def test_sunset_is_warm_and_its_sky_is_brighter_than_its_ground() -> None:
    room = np.full((96, 96, 3), 140, np.uint8)
    room[60:] = 110
    dusk = edit(room, PAPER[3]).astype(np.float64)
    assert dusk[..., 0].mean() > dusk[..., 2].mean() + 30
    assert dusk[:50].mean() > dusk[70:].mean()


def test_a_rainbow_is_red_outside_and_violet_inside() -> None:
    wall = np.full((192, 192, 3), 128, np.uint8)
    for seed in range(5):
        column = edit(wall, PAPER[4], seed)[:, 96].astype(np.float64)
        colours = np.maximum(column - column.mean(1, keepdims=True), 0)
        middle = int(colours[:, 1].argmax())
        rows = np.arange(max(0, middle - 22), min(192, middle + 22))
        red, green, blue = (np.average(rows, weights=colours[rows, k]) for k in range(3))
        assert red < green < blue


def test_a_mosaic_has_tiles_of_one_colour_each() -> None:
    tiles = edited("coffee", "mosaic", 1)
    smooth = np.hypot(*np.gradient(grey(tiles))) < 12
    assert smooth.mean() > 0.15
    assert (
        np.hypot(*np.gradient(grey(tiles))).mean()
        > 1.5 * np.hypot(*np.gradient(grey(photo("coffee")))).mean()
    )


@pytest.mark.parametrize("text", ["id", "prompt", "instruction"])
def test_a_prompt_is_known_by_its_id_by_its_words_and_by_its_instruction(text: str) -> None:
    shipped = PAPER[2]
    own = {
        "id": users_prompt(id="watercolor-art", prompt="my own words"),
        "prompt": users_prompt(id="mine", prompt="  WaterColor Art "),
        "instruction": users_prompt(id="mine", prompt="x", instruction=shipped.instruction.upper()),
    }[text]
    EDITOR.check([own])
    image = photo("chelsea")
    assert np.array_equal(edit(image, own, 4), edit(image, shipped, 4))


def test_a_prompt_that_no_look_serves_is_refused_before_any_work() -> None:
    with pytest.raises(EditorError) as refusal:
        EDITOR.check([PAPER[0], users_prompt(id="snow", prompt="a snow storm on Mars")])
    message = str(refusal.value)
    assert "'a snow storm on Mars'" in message
    assert "classical image processing, not a generative model" in message
    assert "did you mean 'snowy'?" in message
    assert "\n" not in message


def test_a_prompt_that_resembles_nothing_is_refused_with_all_that_is_known() -> None:
    with pytest.raises(EditorError, match=r"known: .*aurora.*ukiyo-e"):
        EDITOR.edit([photo("coffee")], [users_prompt(id="zzz", prompt="zzz")], [0])


@pytest.mark.parametrize("strength", [0.0, -0.5, 1.01, float("nan")])
def test_a_strength_outside_its_range_is_refused_in_one_line(strength: float) -> None:
    with pytest.raises(EditorError, match=r"^the strength is .*greater than 0, and 1 at most$"):
        from_name("procedural", strength=strength)


def test_an_argument_after_the_name_is_refused() -> None:
    with pytest.raises(EditorError, match="there is no editor 'procedural:x': write 'procedural'"):
        open_editor("procedural:x")


def test_the_editor_opens_by_name_and_says_what_its_result_depends_on() -> None:
    editor: Editor = open_editor("procedural", strength=0.5)
    assert isinstance(editor, ProceduralEditor)
    assert editor.fingerprint == "procedural/4 strength=0.5"
    assert editor.batch_size == 16
    assert from_name("procedural", strength=1).fingerprint == "procedural/4 strength=1.0"


def test_the_editor_says_that_it_is_not_a_generative_model() -> None:
    assert "not a generative model" in ProceduralEditor.description
    assert "not a generative model" in (ProceduralEditor.__doc__ or "")


def test_looks_are_loaded_only_when_an_editor_is_made() -> None:
    program = (
        "import sys, genmix, genmix.editing, genmix.editing.procedural as p;"
        "before = [m for m in sys.modules if m.startswith('genmix.editing.procedural.nature')];"
        "p.ProceduralEditor();"
        "print(before, 'genmix.editing.procedural.nature' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[] True"


def test_it_takes_no_settings_and_says_so() -> None:
    with pytest.raises(EditorError, match="has no setting 'steps': it takes none"):
        open_editor("procedural", settings={"steps": 20})
