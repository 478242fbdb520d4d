"""The screens that need no model, on real photos and against what must be rejected."""

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from genmix.editing import open_editor
from genmix.images import Image, decode, encode_jpeg, prepare
from genmix.prompts import Prompt, load_library, shipped_libraries
from genmix.screening import (
    BlankScreen,
    BlankSettings,
    Screen,
    ScreenSettings,
    StructureScreen,
    StructureSettings,
    UnchangedScreen,
    UnchangedSettings,
    Verdict,
    open_screens,
)

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PROMPTS = [prompt for name in shipped_libraries() for prompt in load_library(name).prompts]


@cache
def photo(name: str, side: int = 192) -> Image:
    image = prepare(getattr(skimage.data, name)()[..., :3], side, "crop")
    image.setflags(write=False)
    return image


def flat(colour: tuple[int, int, int], height: int = 192, width: int = 192) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def noisy(image: npt.NDArray[Any], sigma: float, seed: int = 0) -> Image:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def recompressed(image: Image, quality: int = 95) -> Image:
    return decode(encode_jpeg(image, quality=quality, full_colour=True))


def judge(screen: Screen, original: Image, edit: Image) -> Verdict:
    (verdict,) = screen.judge([original], [edit])
    return verdict


def classical(chosen: ScreenSettings | None = None) -> list[Screen]:
    return [s for s in open_screens(chosen or ScreenSettings()) if isinstance(s, Screen)]


def tiny_pictures(seed: int, height: int, width: int) -> tuple[Image, Image]:
    one, other = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    return one, other


seeds = st.integers(0, 2**32 - 1)
colours = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
names = st.sampled_from(PHOTOS)


# Every screen


def test_the_screens_that_are_on_open_in_a_fixed_order() -> None:
    assert [s.name for s in classical()] == ["blank", "unchanged", "structure"]


@pytest.mark.parametrize("off", ["blank", "unchanged", "structure"])
def test_none_turns_a_screen_off(off: str) -> None:
    opened = classical(ScreenSettings.model_validate({off: None}))
    assert off not in [screen.name for screen in opened]
    assert len(opened) == 2


def test_the_limits_of_the_settings_are_those_of_the_screens() -> None:
    chosen = ScreenSettings.model_validate(
        {
            "blank": {"min_contrast": 120},
            "unchanged": {"min_difference": 250},
            "structure": {"min_similarity": 1},
        }
    )
    original = photo("coffee")
    verdicts = [judge(s, original, noisy(original, 8)) for s in classical(chosen)]
    assert [verdict.keep for verdict in verdicts] == [False] * 3
    assert [verdict.reason.rsplit(" below ")[1] for verdict in verdicts] == [
        "120.0",
        "250.0",
        "1.00",
    ]


@pytest.mark.parametrize(
    ("settings_type", "field", "value"),
    [
        (BlankSettings, "min_contrast", -0.1),
        (BlankSettings, "min_contrast", 128.1),
        (UnchangedSettings, "min_difference", -1),
        (UnchangedSettings, "min_difference", 256),
        (StructureSettings, "min_similarity", -1.01),
        (StructureSettings, "min_similarity", 1.01),
        (StructureSettings, "min_similarity", math.nan),
        (StructureSettings, "limit", 0.5),
        (ScreenSettings, "nonsense", None),
    ],
)
def test_settings_refuse_what_is_out_of_range_or_unknown(
    settings_type: Callable[..., object], field: str, value: float | None
) -> None:
    with pytest.raises(ValidationError, match=field):
        settings_type(**{field: value})


def test_settings_survive_a_round_trip_through_plain_data() -> None:
    chosen = ScreenSettings(blank=None, structure=StructureSettings(min_similarity=0.3))
    assert ScreenSettings.model_validate(chosen.model_dump()) == chosen


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
def test_every_shipped_look_of_every_photo_is_kept(prompt: Prompt) -> None:
    originals = [photo(name) for name in PHOTOS]
    edits = open_editor("procedural").edit(originals, [prompt] * 4, [1, 2, 3, 4])
    edits = [recompressed(edit) for edit in edits]
    for screen in classical():
        assert [verdict.reason for verdict in screen.judge(originals, edits)] == [""] * 4


def test_a_batch_is_judged_as_its_pairs_are_one_by_one() -> None:
    originals = [photo("coffee"), photo("rocket"), photo("chelsea", 96), photo("coffee")]
    edits = [photo("rocket"), flat((9, 9, 9)), 255 - photo("chelsea", 96), photo("coffee")]
    for screen in classical():
        one_by_one = [judge(screen, o, e) for o, e in zip(originals, edits, strict=True)]
        assert screen.judge(originals, edits) == one_by_one


def test_an_empty_batch_has_no_verdicts() -> None:
    assert all(screen.judge([], []) == [] for screen in classical())


def test_pictures_are_left_as_they_were() -> None:
    original, edit = photo("coffee"), photo("rocket")
    before = original.copy(), edit.copy()
    for screen in classical():
        screen.judge([original], [edit])
    assert np.array_equal(original, before[0])
    assert np.array_equal(edit, before[1])


def test_pairs_that_do_not_fit_are_refused_with_both_sizes() -> None:
    for screen in classical():
        with pytest.raises(ValueError, match="192x192x3 and 96x96x3"):
            screen.judge([photo("coffee")], [photo("coffee", 96)])
        with pytest.raises(ValueError, match="2 originals but 1 edits"):
            screen.judge([photo("coffee")] * 2, [photo("coffee")])


@given(seeds, st.integers(1, 40), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_any_size_is_judged_without_a_warning(seed: int, height: int, width: int) -> None:
    original, edit = tiny_pictures(seed, height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for screen in classical():
            for verdict in screen.judge([original, original], [edit, original]):
                assert math.isfinite(verdict.score)
                assert verdict.keep == (verdict.reason == "")


@given(
    names,
    names,
    st.floats(0, 128).map(lambda x: round(x, 3)),
    st.floats(-1, 1).map(lambda x: round(x, 3)),
)
@settings(max_examples=30, deadline=None)
def test_a_reason_names_a_number_below_its_limit(
    one: str, other: str, level: float, similarity: float
) -> None:
    screens: list[Screen] = [
        BlankScreen(BlankSettings(min_contrast=level)),
        UnchangedScreen(UnchangedSettings(min_difference=level)),
        StructureScreen(StructureSettings(min_similarity=similarity)),
    ]
    for screen, limit in zip(screens, (level, level, similarity), strict=True):
        verdict = judge(screen, photo(one, 64), photo(other, 64))
        assert verdict.keep == (verdict.score >= limit)
        if not verdict.keep:
            head, _, detail = verdict.reason.partition(": ")
            _, shown, _, shown_limit = detail.split(" ")
            assert head == screen.name
            assert float(shown) < float(shown_limit) == limit
            assert float(shown) <= verdict.score


# Blank


@given(colours, st.floats(0, 25), seeds)
@settings(max_examples=30, deadline=None)
def test_one_colour_is_blank_also_with_noise_and_compressed(
    colour: tuple[int, int, int], sigma: float, seed: int
) -> None:
    edit = recompressed(noisy(flat(colour), sigma, seed))
    verdict = judge(BlankScreen(), photo("coffee"), edit)
    assert not verdict.keep
    assert verdict.reason == f"blank: contrast {math.floor(verdict.score * 10) / 10:.1f} below 4.0"


def test_a_faint_vignette_on_black_is_blank() -> None:
    ramp = np.linspace(0, 10, 192).astype(np.uint8)
    edit = np.repeat(np.broadcast_to(ramp, (192, 192))[..., None], 3, axis=2).copy()
    assert not judge(BlankScreen(), photo("coffee"), edit).keep


@pytest.mark.parametrize("name", ["brick", "grass", "gravel", "moon", "page", "text"])
def test_surfaces_of_fine_texture_are_not_blank(name: str) -> None:
    grey = getattr(skimage.data, name)()
    picture = np.repeat(grey[..., None], 3, axis=2)
    assert judge(BlankScreen(), picture, picture).keep


@given(st.integers(1, 12), st.integers(0, 2))
@settings(max_examples=20, deadline=None)
def test_stripes_of_any_width_and_direction_are_not_blank(width: int, direction: int) -> None:
    rows, columns = np.indices((64, 64))
    run = (rows, columns, rows + columns)[direction]
    picture = np.repeat(((run // width) % 2 * 200).astype(np.uint8)[..., None], 3, axis=2)
    assert judge(BlankScreen(), picture, picture).keep


def test_a_picture_that_differs_in_colour_alone_is_not_blank() -> None:
    picture = flat((200, 60, 60))
    picture[60:130, 60:130] = (60, 131, 60)
    assert np.ptp(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) <= 1
    assert judge(BlankScreen(), picture, picture).keep


def test_a_small_dark_object_on_white_is_not_blank() -> None:
    picture = flat((255, 255, 255))
    picture[90:102, 90:102] = 40
    assert judge(BlankScreen(), picture, picture).keep


@given(names, st.floats(0.05, 0.95))
@settings(max_examples=20, deadline=None)
def test_contrast_falls_as_a_photo_fades(name: str, share: float) -> None:
    faded = np.rint(photo(name) * share + 128 * (1 - share)).astype(np.uint8)
    full = judge(BlankScreen(), photo(name), photo(name)).score
    assert judge(BlankScreen(), photo(name), faded).score == pytest.approx(share * full, abs=0.5)


# Unchanged


@pytest.mark.parametrize("side", [32, 96, 192, 300])
@pytest.mark.parametrize("name", PHOTOS)
def test_the_original_is_unchanged_as_it_is_and_recompressed(name: str, side: int) -> None:
    original = photo(name, side)
    assert judge(UnchangedScreen(), original, original) == Verdict(
        False, 0.0, "unchanged: difference 0.0 below 6.0"
    )
    assert not judge(UnchangedScreen(), original, recompressed(original)).keep


@pytest.mark.parametrize("name", PHOTOS)
def test_subtle_edits_are_changes(name: str) -> None:
    original = photo(name)
    scratched = original.copy()
    cv2.line(scratched, (40, 150), (120, 60), (230, 230, 230), 1, cv2.LINE_AA)
    edits = [
        noisy(original, 8),
        scratched,
        cv2.GaussianBlur(original, (0, 0), 1),
        cv2.convertScaleAbs(original, alpha=0.9),
        cv2.cvtColor(cv2.cvtColor(original, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    ]
    for edit in edits:
        assert judge(UnchangedScreen(), original, recompressed(edit)).keep


@given(names, st.integers(1, 80), st.integers(0, 184), st.integers(0, 184))
@settings(max_examples=20, deadline=None)
def test_difference_is_the_size_of_a_step_wherever_it_is(
    name: str, step: int, top: int, left: int
) -> None:
    original = photo(name)
    edit = original.copy()
    part = edit[top : top + 40, left : left + 40]
    part += np.where(part < 128, step, -step).astype(np.int16).astype(np.uint8)
    score = judge(UnchangedScreen(), original, edit).score
    assert score <= step + 1e-3
    assert score >= step / 2


@given(names, names)
@settings(max_examples=16, deadline=None)
def test_difference_is_the_same_both_ways(one: str, other: str) -> None:
    a, b = photo(one), photo(other)
    assert judge(UnchangedScreen(), a, b) == judge(UnchangedScreen(), b, a)


# Structure


@pytest.mark.parametrize("side", [64, 192, 300])
@pytest.mark.parametrize("one", PHOTOS)
@pytest.mark.parametrize("other", PHOTOS)
def test_only_a_photo_of_its_own_keeps_the_structure(one: str, other: str, side: int) -> None:
    verdict = judge(StructureScreen(), photo(one, side), photo(other, side))
    assert verdict.keep == (one == other)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_blank_edit_has_lost_the_structure_with_noise_or_without(name: str) -> None:
    for sigma in (0, 5, 25, 60):
        blank = recompressed(noisy(flat((120, 130, 140)), sigma))
        assert not judge(StructureScreen(), photo(name), blank).keep


def test_the_reason_names_the_similarity_and_the_limit() -> None:
    verdict = judge(StructureScreen(), photo("coffee"), flat((0, 0, 0)))
    assert verdict == Verdict(False, 0.0, "structure: similarity 0.00 below 0.25")


@given(names)
@settings(max_examples=8, deadline=None)
def test_a_picture_has_all_of_its_own_structure(name: str) -> None:
    assert judge(StructureScreen(), photo(name), photo(name)).score == 1.0


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda p: 255 - p, 0.99),
        (lambda p: cv2.convertScaleAbs(p, alpha=0.5), 0.9),
        (lambda p: cv2.convertScaleAbs(p, alpha=0.7, beta=70), 0.9),
        (lambda p: cv2.GaussianBlur(p, (0, 0), 1.5), 0.9),
        (lambda p: cv2.cvtColor(p, cv2.COLOR_RGB2HSV_FULL)[..., ::-1].copy(), 0.3),
        (lambda p: np.roll(p, 4, axis=1), 0.7),
    ],
    ids=["inverted", "darker", "paler", "blurred", "false colours", "shifted by 2 %"],
)
def test_structure_survives_what_leaves_edges_in_place(
    name: str, change: Callable[[Image], Image], least: float
) -> None:
    assert judge(StructureScreen(), photo(name), change(photo(name))).score >= least


@pytest.mark.parametrize("name", PHOTOS)
def test_more_noise_leaves_less_structure(name: str) -> None:
    scores = [
        judge(StructureScreen(), photo(name), noisy(photo(name), sigma)).score
        for sigma in (0, 20, 80, 320)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.9


@pytest.mark.parametrize("name", PHOTOS)
def test_moving_further_leaves_less_structure(name: str) -> None:
    original = photo(name)
    scores = [
        judge(StructureScreen(), original, np.roll(original, shift, axis=(0, 1))).score
        for shift in (0, 3, 8, 24)
    ]
    assert scores == sorted(scores, reverse=True)


@given(names, names)
@settings(max_examples=16, deadline=None)
def test_similarity_is_the_same_for_pairs_turned_or_mirrored(one: str, other: str) -> None:
    a, b = photo(one), photo(other)
    screen = StructureScreen()
    score = judge(screen, a, b).score
    for turn in (np.fliplr, np.flipud, np.rot90):
        turned = [np.ascontiguousarray(turn(picture)) for picture in (a, b)]
        assert judge(screen, *turned).score == pytest.approx(score, abs=0.02)


def test_what_an_edit_adds_where_nothing_was_hardly_counts() -> None:
    original = flat((235, 235, 235))
    cv2.ellipse(original, (60, 96), (34, 62), 20, 0, 360, (40, 60, 50), -1)
    edit = original.copy()
    for left in range(120, 192, 12):
        cv2.line(edit, (left, 0), (left + 30, 191), (0, 0, 0), 3)
    added = judge(StructureScreen(), original, edit).score
    assert added > 0.9
    assert judge(StructureScreen(), edit, original).score < added


@given(colours, st.floats(0, 8), seeds, names)
@settings(max_examples=20, deadline=None)
def test_a_flat_original_has_no_structure_to_lose(
    colour: tuple[int, int, int], sigma: float, seed: int, name: str
) -> None:
    original = noisy(flat(colour), sigma, seed)
    assert judge(StructureScreen(), original, photo(name)) == Verdict(True, 1.0)


ROWS, COLUMNS = np.indices((256, 256))
SURFACES = {
    "a slope of light": 128 + 0.4 * (COLUMNS - 128) + 0.2 * (ROWS - 128),
    "upright stripes": 128 + 60 * np.sign(np.sin(COLUMNS * np.pi / 4)),
    "slanting stripes": 128 + 60 * np.sign(np.sin((COLUMNS + ROWS) * np.pi / 6)),
    "a weave": 128 + 30 * (np.sin(COLUMNS * 0.8) + np.sin(ROWS * 0.8)),
}


@pytest.mark.parametrize("surface", SURFACES)
def test_a_surface_that_is_even_all_over_has_no_layout_to_lose(surface: str) -> None:
    grey = SURFACES[surface]
    original = noisy(np.repeat(grey[..., None], 3, axis=2), 4)
    assert judge(StructureScreen(), original, photo("coffee", 256)) == Verdict(True, 1.0)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_dim_original_is_judged_all_the_same(name: str) -> None:
    dim = cv2.convertScaleAbs(photo(name), alpha=0.25)
    others = [other for other in PHOTOS if other != name]
    assert judge(StructureScreen(), dim, photo(name)).score > 0.8
    assert not any(judge(StructureScreen(), dim, photo(other)).keep for other in others)
