"""The common corruptions: the same for a seed, worse with severity, and never another picture."""

import sys
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from genmix.errors import MissingExtraError, TrainingError
from genmix.images import Image, decode, encode_jpeg, resize
from genmix.training.corruptions import CORRUPTIONS, SEVERITIES, check_corruption, corrupt

SIZES = (32, 112, 224)

RANDOM = frozenset(CORRUPTIONS) - {
    "defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"
}  # fmt: skip


@pytest.fixture(scope="module")
def photo() -> Callable[[int], Image]:
    whole = np.ascontiguousarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]
    return lambda size: resize(whole, size, size)


def distance(a: Image, b: Image) -> float:
    """Root mean square difference in levels."""
    return float(np.sqrt(np.mean((a.astype(np.float64) - b) ** 2)))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("size", SIZES)
def test_a_corrupted_picture_is_that_picture_but_worse(
    photo: Callable[[int], Image], name: str, size: int
) -> None:
    picture = photo(size)
    before = picture.copy()
    for severity in SEVERITIES:
        made = corrupt(picture, name, severity, seed=severity)
        assert made.dtype == np.uint8
        assert made.shape == picture.shape
        assert 1 < distance(made, picture) < 130
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_5_is_farther_from_the_picture_than_severity_1(
    photo: Callable[[int], Image], name: str
) -> None:
    picture = photo(112)
    mild, severe = (
        np.mean([distance(corrupt(picture, name, severity, k), picture) for k in range(4)])
        for severity in (1, 5)
    )
    assert severe > 1.2 * mild


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_seed_gives_the_same_picture_and_another_another(
    photo: Callable[[int], Image], name: str
) -> None:
    picture = photo(64)
    first, again, other = (corrupt(picture, name, 3, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name not in RANDOM)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_red_stays_red(name: str) -> None:
    """The library mixes RGB and BGR inside; what comes out must be RGB."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:] = (200, 90, 40)
    picture[::8] += 20  # something to compress and to blur
    red, green, blue = corrupt(picture, name, 2, seed=0).reshape(-1, 3).mean(0)
    assert red > green > blue


def test_numpy_s_global_generator_goes_on_as_if_nothing_had_been(
    photo: Callable[[int], Image],
) -> None:
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.rand(4)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    corrupt(photo(32), "gaussian_noise", 1, seed=8)
    assert np.array_equal(np.random.rand(4), expected)  # noqa: NPY002


def formula(picture: Image, name: str, severity: int, seed: int) -> npt.NDArray[np.float64]:
    """Four kinds written from the paper's own code (hendrycks/robustness, make_imagenet_c.py)."""
    values = picture / 255.0
    rng = np.random.RandomState(seed)
    k = severity - 1
    if name == "gaussian_noise":
        return 255 * np.clip(
            values + rng.normal(size=values.shape, scale=(0.08, 0.12, 0.18, 0.26, 0.38)[k]), 0, 1
        )
    if name == "shot_noise":
        photons = (60, 25, 12, 5, 3)[k]
        return 255 * np.clip(rng.poisson(values * photons) / photons, 0, 1)
    if name == "contrast":
        means = values.mean((0, 1), keepdims=True)
        return 255 * np.clip((values - means) * (0.4, 0.3, 0.2, 0.1, 0.05)[k] + means, 0, 1)
    hsv = cv2.cvtColor(values.astype(np.float32), cv2.COLOR_RGB2HSV)
    hsv[..., 2] = np.clip(hsv[..., 2] + (0.1, 0.2, 0.3, 0.4, 0.5)[k], 0, 1)
    return 255 * np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float64), 0, 1)


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "contrast", "brightness"])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_settings_are_those_of_imagenet_c(
    photo: Callable[[int], Image], name: str, severity: int
) -> None:
    picture = photo(48)
    made = corrupt(picture, name, severity, seed=4)
    expected = formula(picture, name, severity, seed=4)
    assert np.abs(made - expected).max() < 1.01  # fractions of a level are cut off


@pytest.mark.parametrize(("severity", "quality"), [(1, 25), (3, 15), (5, 7)])
def test_jpeg_has_the_quality_of_imagenet_c(
    photo: Callable[[int], Image], severity: int, quality: int
) -> None:
    picture = photo(64)
    expected = decode(encode_jpeg(picture, quality))
    assert np.array_equal(corrupt(picture, "jpeg_compression", severity), expected)


def test_pictures_need_not_be_square() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 57, 3), np.uint8)
    for name in CORRUPTIONS:
        assert corrupt(picture, name, 4, seed=1).shape == picture.shape


@pytest.mark.parametrize(
    ("shape", "dtype", "name", "severity", "words"),
    [
        ((40, 40, 3), np.uint8, "fogg", 1, "there is no corruption 'fogg'; did you mean 'fog'"),
        ((40, 40, 3), np.uint8, "fog", 0, "severity is 0: give 1 to 5"),
        ((40, 40, 3), np.uint8, "fog", 6, "severity is 6: give 1 to 5"),
        ((40, 31, 3), np.uint8, "fog", 1, "31 x 40 is too small to corrupt: 32 pixels"),
        ((40, 40, 3), np.float32, "fog", 1, r"float32 \(40, 40, 3\): give uint8"),
        ((3, 40, 40), np.uint8, "fog", 1, r"uint8 \(3, 40, 40\): give uint8, height x width x 3"),
    ],
)
def test_what_cannot_be_corrupted_is_explained(
    shape: tuple[int, ...], dtype: type, name: str, severity: int, words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        corrupt(np.zeros(shape, dtype), name, severity)


def test_without_the_library_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(MissingExtraError) as raised:
        check_corruption("fog", 1)
    words = "corrupting pictures needs an extra: pip install 'genmix[corruptions]'"
    assert str(raised.value) == words
