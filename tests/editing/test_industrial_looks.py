"""Each industrial look keeps the contract of a look and does what its condition does to light."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.editing.procedural import lens, light, wear, weather
from genmix.editing.procedural.looks import LOOKS
from genmix.images import Image
from genmix.prompts import load_library

ROOMS = {module.__name__ for module in (light, lens, weather, wear)}
IDS = [name for name, function in LOOKS.items() if function.__module__ in ROOMS]
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")

every_look = pytest.mark.parametrize("look_id", IDS)


@cache
def photo(name: str, side: int = 128) -> Image:
    """Cut the middle square out of a real photo."""
    image: Image = getattr(skimage.data, name)()[..., :3]
    height, width = image.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = image[top : top + edge, left : left + edge]
    small = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    small.setflags(write=False)
    return small


def edit(look_id: str, image: Image, seed: int = 1, strength: float = 1.0) -> Image:
    return LOOKS[look_id](image, np.random.default_rng(seed), strength)


def grey(image: Image) -> npt.NDArray[np.float64]:
    return image.astype(np.float64) @ (0.299, 0.587, 0.114)


def difference(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


def average(measure: Callable[[Image], float], look_id: str | None, seeds: int = 4) -> float:
    """Average a measure over the photos, as they are or through a look with a few seeds."""
    images = [photo(name) for name in PHOTOS]
    if look_id is not None:
        images = [edit(look_id, image, seed) for image in images for seed in range(seeds)]
    return float(np.mean([measure(image) for image in images]))


def steepness(image: Image) -> npt.NDArray[np.float64]:
    """Sum the squared slopes along sixteen directions, evenly spaced over half a turn."""
    down, right = np.gradient(grey(image))
    angles = np.arange(16) * (np.pi / 16)
    slopes = [right * np.cos(a) + down * np.sin(a) for a in angles]
    return np.array([float((slope**2).mean()) for slope in slopes])


def fine_detail(image: Image) -> float:
    return float(np.abs(cv2.Laplacian(grey(image), cv2.CV_64F)).mean())


def colourfulness(image: Image) -> float:
    return float(np.ptp(image.astype(np.float64), axis=2).mean())


def brightness(image: Image) -> float:
    return float(image.mean())


def highlights(image: Image) -> float:
    return float(np.percentile(image, 95))


def contrast(image: Image) -> float:
    return float(grey(image).std())


def test_every_prompt_of_the_library_has_a_look_and_every_look_a_prompt() -> None:
    prompts = {prompt.id for prompt in load_library("industrial").prompts}
    assert prompts == set(IDS)


def test_every_prompt_is_written_out_in_both_languages() -> None:
    for prompt in load_library("industrial").prompts:
        assert prompt.tags
        assert prompt.instruction != prompt.prompt
        assert prompt.instruction.endswith(".")
        for text in (prompt.name, prompt.description):
            assert text.en.isascii()
            assert any("぀" <= letter <= "鿿" for letter in text.ja)


@every_look
def test_the_same_seed_gives_the_same_bytes(look_id: str) -> None:
    image = photo("coffee")
    assert np.array_equal(edit(look_id, image, seed=7), edit(look_id, image, seed=7))


@every_look
def test_another_seed_gives_a_picture_that_differs_clearly(look_id: str) -> None:
    image = photo("astronaut")
    full = difference(edit(look_id, image), image)
    apart = [
        difference(edit(look_id, image, seed), edit(look_id, image, seed + 1)) for seed in range(4)
    ]
    assert min(apart) > 0.5
    assert np.mean(apart) > 0.08 * full


@every_look
def test_the_input_is_left_as_it_was(look_id: str) -> None:
    image = photo("chelsea").copy()
    before = image.copy()
    result = edit(look_id, image)
    assert np.array_equal(image, before)
    assert not np.shares_memory(result, image)


@every_look
@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(8, 70),
    width=st.integers(8, 70),
    seed=st.integers(0, 2**32 - 1),
    strength=st.floats(0.01, 1.0),
    shade=st.sampled_from([None, 0, 128, 255]),
)
def test_a_picture_of_any_size_and_content_keeps_its_shape(
    look_id: str, height: int, width: int, seed: int, strength: float, shade: int | None
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if shade is not None:
        image[:] = shade
    result = edit(look_id, image, seed, strength)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous


@every_look
def test_a_single_pixel_is_a_picture_too(look_id: str) -> None:
    for shape in ((1, 1, 3), (1, 9, 3), (9, 1, 3)):
        assert edit(look_id, np.full(shape, 90, np.uint8)).shape == shape


@every_look
def test_the_difference_grows_with_strength_and_starts_near_nothing(look_id: str) -> None:
    strengths = (0.02, 0.25, 0.5, 0.75, 1.0)
    change = [
        np.mean([difference(edit(look_id, photo(p), 3, s), photo(p)) for p in PHOTOS])
        for s in strengths
    ]
    assert all(less < more for less, more in pairwise(change))
    assert change[0] < 0.15 * change[-1]


@every_look
def test_the_object_stays_where_it_was(look_id: str) -> None:
    """The look's picture correlates best with the photo when it is not shifted against it."""
    image = photo("coffee", 160)
    result = grey(edit(look_id, image, seed=2))
    base = grey(image)
    base = base - cv2.GaussianBlur(base, (0, 0), 12)
    result = result - cv2.GaussianBlur(result, (0, 0), 12)
    score = {
        (dy, dx): float(np.corrcoef(np.roll(base, (dy, dx), (0, 1)).ravel(), result.ravel())[0, 1])
        for dy in (-8, 0, 8)
        for dx in (-8, 0, 8)
    }
    assert max(score, key=score.__getitem__) == (0, 0)
    assert score[0, 0] > 0.25


@pytest.mark.parametrize("look_id", ["low-light", "fog", "wet", "glare", "rain"])
def test_large_and_small_copies_of_a_photo_get_the_same_overall_tone(look_id: str) -> None:
    small = [edit(look_id, photo("rocket", 96), seed).mean() for seed in range(6)]
    large = [edit(look_id, photo("rocket", 288), seed).mean() for seed in range(6)]
    assert np.mean(small) == pytest.approx(np.mean(large), rel=0.15)


def test_low_light_is_much_darker_and_noisier_than_its_brightness_accounts_for() -> None:
    assert average(brightness, "low-light") < 0.5 * average(brightness, None)
    flat = np.full((96, 96, 3), 128, np.uint8)
    assert fine_detail(edit("low-light", flat)) > 1


def test_overexposure_clips_many_more_pixels() -> None:
    def clipped(image: Image) -> float:
        return float((image.max(axis=2) >= 252).mean())

    assert average(clipped, "overexposed") > average(clipped, None) + 0.15


def test_a_warm_lamp_raises_red_over_blue_and_lights_one_side_more() -> None:
    def warmth(image: Image) -> float:
        return float(image[..., 0].mean() - image[..., 2].mean())

    assert average(warmth, "warm-lamp") > average(warmth, None) + 40
    lit = grey(edit("warm-lamp", np.full((64, 64, 3), 128, np.uint8)))
    assert lit.max() > 1.5 * lit.min()


def test_fluorescent_flicker_is_green_and_banded_along_one_axis_only() -> None:
    flat = np.full((96, 96, 3), 160, np.uint8)
    for seed in range(6):
        bands = edit("fluorescent-flicker", flat, seed).astype(np.float64)
        assert bands[..., 1].mean() > max(bands[..., 0].mean(), bands[..., 2].mean())
        across = sorted((np.ptp(bands.mean(axis=0)), np.ptp(bands.mean(axis=1))))
        level = bands.mean(axis=2)
        along = min(np.ptp(level, axis=0).max(), np.ptp(level, axis=1).max())
        assert along == 0
        assert across[1] > 60


def test_hard_shadows_split_a_flat_wall_into_lit_and_shaded_parts() -> None:
    flat = np.full((128, 128, 3), 140, np.uint8)
    for seed in range(10):
        result = edit("hard-shadow", flat, seed)
        level = grey(result)
        shaded = level < 100
        assert 0.05 < shaded.mean() < 0.95
        assert ((level > 85) & (level < 125)).mean() < 0.3
        blue_over_red = result[..., 2].astype(int) - result[..., 0]
        assert blue_over_red[shaded].mean() > blue_over_red[~shaded].mean()


def test_glare_burns_out_a_small_part_and_lowers_the_contrast_of_the_rest() -> None:
    flat = np.full((128, 128, 3), 140, np.uint8)
    for seed in range(10):
        level = grey(edit("glare", flat, seed))
        assert 0.0002 < (level > 220).mean() < 0.35
        assert np.median(level) < 180
    veiled = edit("glare", photo("rocket"), 3)
    assert np.percentile(veiled, 2) > np.percentile(photo("rocket"), 2)


def test_motion_blur_wipes_out_slopes_along_one_direction_far_more_than_across_it() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    for seed in range(6):
        kept = steepness(edit("motion-blur", noise, seed)) / steepness(noise)
        assert kept.min() < 0.25 * kept.max()
        apart = abs(int(kept.argmin()) - int(kept.argmax()))
        assert 5 <= apart <= 11


def test_defocus_wipes_out_slopes_along_all_directions() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    for seed in range(6):
        kept = steepness(edit("defocus", noise, seed)) / steepness(noise)
        assert kept.max() < 0.2
        assert kept.min() > 0.5 * kept.max()


def test_defocus_spreads_a_point_of_light_into_a_disc_with_an_edge() -> None:
    night = np.zeros((256, 256, 3), np.uint8)
    night[127:129, 127:129] = 255
    spread = grey(edit("defocus", night, 2))
    size = int((spread > 0.5 * spread.max()).sum())
    faint = int((spread > 0.1 * spread.max()).sum())
    assert size > 15 * 4
    assert faint < 2.5 * size


def test_scratches_are_thin_bright_and_dark_lines_on_an_untouched_ground() -> None:
    flat = np.full((160, 160, 3), 128, np.uint8)
    level = grey(edit("scratched-lens", flat))
    ground = float(np.median(level))
    assert (level > ground + 15).mean() > 0.005
    assert (level < ground - 10).mean() > 0.005
    assert (np.abs(level - ground) < 10).mean() > 0.6


def test_an_oil_smudge_blurs_in_patches_and_leaves_the_rest_sharp() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    tiles = [
        fine_detail(tile) / fine_detail(noise)
        for row in np.split(edit("oil-smudge", noise, 4), 10)
        for tile in np.split(row, 10, axis=1)
    ]
    assert min(tiles) < 0.35
    assert max(tiles) > 0.9


def test_an_older_camera_has_less_detail_less_colour_and_dark_corners() -> None:
    flat = np.full((128, 128, 3), 150, np.uint8)
    corners = grey(edit("older-camera", flat))
    assert corners[:12, :12].mean() < 0.85 * corners[52:76, 52:76].mean()
    assert average(colourfulness, "older-camera") < average(colourfulness, None)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    for seed in range(4):
        assert fine_detail(edit("older-camera", noise, seed)) < 0.5 * fine_detail(noise)


def test_sensor_noise_is_coloured_and_leaves_the_mean_nearly_as_it_was() -> None:
    flat = np.full((128, 128, 3), 128, np.uint8)
    for seed in range(4):
        result = edit("sensor-noise", flat, seed).astype(np.float64)
        assert result.std(axis=(0, 1)).min() > 10
        assert abs(result.mean() - 128) < 10
        red, blue = result[..., 0].ravel(), result[..., 2].ravel()
        assert abs(np.corrcoef(red, blue)[0, 1]) < 0.35


def test_fog_takes_contrast_and_colour_and_is_thicker_at_the_top() -> None:
    assert average(contrast, "fog") < 0.6 * average(contrast, None)
    assert average(colourfulness, "fog") < 0.7 * average(colourfulness, None)
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    foggy = [edit("fog", noise, seed) for seed in range(12)]
    assert np.mean([contrast(f[:32]) for f in foggy]) < np.mean([contrast(f[64:]) for f in foggy])


def test_rain_draws_bright_streaks_that_run_down_in_a_duller_light() -> None:
    assert average(highlights, "rain") < 0.9 * average(highlights, None)
    assert average(colourfulness, "rain") < 0.8 * average(colourfulness, None)
    flat = np.full((256, 256, 3), 128, np.uint8)
    for seed in range(4):
        drawn = steepness(edit("rain", flat, seed))
        assert drawn[0] > 2 * drawn[8]


def test_dust_pales_the_dark_dulls_the_colours_and_adds_grain() -> None:
    assert average(colourfulness, "dusty") < 0.7 * average(colourfulness, None)
    steel = np.full((128, 128, 3), 30, np.uint8)
    steel[:32] = 200
    assert grey(edit("dusty", steel))[40:].mean() > 30 + 20
    flat = np.full((128, 128, 3), 128, np.uint8)
    assert fine_detail(edit("dusty", flat)) > 3


def test_a_drop_shows_what_is_behind_it_upside_down() -> None:
    """On a ramp that grows downwards, some of what drops show grows upwards."""
    ramp = np.repeat(np.linspace(40, 220, 192).astype(np.uint8), 192).reshape(192, 192)
    level = cv2.GaussianBlur(grey(edit("wet", cv2.merge([ramp] * 3), 5)), (0, 0), 1)
    down = np.gradient(level, axis=0)
    assert 0.02 < (down < -0.5).mean() < 0.4


def test_dark_photos_are_not_buried_under_fog_dust_or_noise() -> None:
    """What a look adds is measured by the light of the scene, so that its drawing survives."""
    dim = (photo("chelsea", 160) * 0.3).astype(np.uint8)
    base = grey(dim) - cv2.GaussianBlur(grey(dim), (0, 0), 12)
    for look_id in ("low-light", "older-camera", "sensor-noise", "fog", "rain", "dusty"):
        result = cv2.GaussianBlur(grey(edit(look_id, dim, 2)), (0, 0), 1)
        result -= cv2.GaussianBlur(result, (0, 0), 12)
        assert np.corrcoef(base.ravel(), result.ravel())[0, 1] > 0.35, look_id


def test_wet_leaves_what_lies_between_the_drops_in_place() -> None:
    image = photo("coffee", 192)
    between = np.abs(grey(edit("wet", image)) - grey(image)) < 14
    assert between.mean() > 0.5
