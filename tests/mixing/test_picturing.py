"""The sheet of methods: what its cells show is what their captions say."""

import re

import numpy as np
import pytest

from genmix.datasets.fetching import Picture
from genmix.mixing.picturing import (
    LABEL_MIXING,
    LABEL_PRESERVING,
    METHODS,
    Mixed,
    draw_methods,
    keep,
    mix,
)
from genmix.sheets import SheetRow, draw_sheet

BLACK = Picture("black", np.zeros((64, 64, 3), np.uint8))
WHITE = Picture("white", np.full((64, 64, 3), 255, np.uint8))
LAMBDAS = (0, 0.2, 0.5, 0.8, 1)


def scene(name: str, seed: int) -> Picture:
    """Draw blocks of colour, so that every picture differs from the others everywhere."""
    blocks = np.random.default_rng(seed).integers(30, 220, (8, 8, 3), dtype=np.uint8)
    return Picture(name, np.kron(blocks, np.ones((8, 8, 1), np.uint8)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[SheetRow], list[str]]]:
    """Keep what was put on each sheet, and draw it nonetheless."""
    sheets: list[tuple[list[SheetRow], list[str]]] = []

    def keeping(rows: list[SheetRow], columns: list[str], **settings: object) -> object:
        sheets.append((rows, columns))
        return draw_sheet(rows, columns, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("genmix.mixing.picturing.draw_sheet", keeping)
    return sheets


@pytest.mark.parametrize("method", LABEL_MIXING)
@pytest.mark.parametrize("seed", range(2))
def test_weights_are_those_of_the_pixels(method: str, seed: int) -> None:
    for lam in LAMBDAS:
        mixed = mix(method, (WHITE, BLACK), lam, seed=seed)
        assert mixed.image.mean() / 255 == pytest.approx(mixed.weights["white"], abs=0.003)
        assert sum(mixed.weights.values()) == pytest.approx(1)


@pytest.mark.parametrize("method", LABEL_MIXING)
def test_the_first_picture_loses_as_lambda_falls(method: str) -> None:
    pair = (scene("cat", 1), scene("dog", 2))
    cells = [mix(method, pair, lam, seed=3) for lam in LAMBDAS]
    shares = [cell.weights["cat"] for cell in cells]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]
    assert (cells[-1].image != pair[0].image).mean() < 0.001  # resizemix pastes a pixel
    assert cells[-1].caption == "cat 1.00"


@pytest.mark.parametrize("method", ["mixup", "smoothmix"])
def test_methods_that_blend_have_lambda_in_their_captions(method: str) -> None:
    pair = (scene("cat", 1), scene("dog", 2))
    cells = [mix(method, pair, lam, seed=0) for lam in LAMBDAS]
    assert [cell.caption for cell in cells] == [
        "dog 1.00",
        "cat 0.20 + dog 0.80",
        "cat 0.50 + dog 0.50",
        "cat 0.80 + dog 0.20",
        "cat 1.00",
    ]


def test_mixup_is_the_mean_of_two_pictures_at_one_half() -> None:
    pair = (scene("cat", 1), scene("dog", 2))
    mean = (pair[0].image.astype(float) + pair[1].image) / 2
    assert np.abs(mix("mixup", pair, 0.5, seed=0).image - mean).max() <= 0.51


def test_two_pictures_of_one_name_have_one_label() -> None:
    assert mix("mixup", (scene("cat", 1), scene("cat", 2)), 0.3, seed=0).caption == "cat 1.00"


def test_what_rounds_to_nothing_is_not_in_a_caption() -> None:
    assert Mixed(BLACK.image, {"cat": 0.996, "dog": 0.004}).caption == "cat 1.00"
    assert Mixed(BLACK.image, {"cat": 0.994, "dog": 0.006}).caption == "cat 0.99 + dog 0.01"


@pytest.mark.parametrize("method", LABEL_PRESERVING)
def test_a_method_that_keeps_the_label_changes_the_picture_anew_each_time(method: str) -> None:
    cat = scene("cat", 1)
    draws, again = (keep(method, cat, 4, seed=seed) for seed in (1, 1))
    assert {draw.caption for draw in draws} == {"cat 1.00"}
    changed = {draw.image.tobytes() for draw in draws} - {cat.image.tobytes()}
    assert len(changed) >= 3  # a draw of pixmix may leave it as it is
    for one, other in zip(draws, again, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_one_method_has_a_line_for_each_picture_with_the_next(
    drawn: list[tuple[list[SheetRow], list[str]]],
) -> None:
    sheet = draw_methods([scene(name, k) for k, name in enumerate("abcd")], ["mixup"], [0, 0.5])
    ((rows, columns),) = drawn
    assert [row.captions[1] for row in rows] == [
        f"{one} 0.50 + {other} 0.50" for one, other in ("ab", "bc", "cd")
    ]
    assert columns == ["lambda 0", "lambda 0.5"]
    assert sheet.shape[0] > 3 * 64


def test_several_methods_have_a_line_each_for_the_first_two_pictures(
    drawn: list[tuple[list[SheetRow], list[str]]],
) -> None:
    draw_methods([scene(name, k) for k, name in enumerate("abc")], METHODS, [0.5, 1])
    ((rows, columns),) = drawn
    assert [row.title for row in rows] == list(METHODS)
    assert not any("c " in caption for row in rows for caption in row.captions)
    assert columns == ["lambda 0.5", "lambda 1"]
    headings = [row.title for row in rows if row.heading]
    assert headings == list(LABEL_PRESERVING)[:1]


def test_a_method_that_keeps_the_label_has_a_line_for_each_picture(
    drawn: list[tuple[list[SheetRow], list[str]]],
) -> None:
    draw_methods([scene(name, k) for k, name in enumerate("ab")], ["cutout"], [0, 0.5])
    ((rows, columns),) = drawn
    assert [row.captions for row in rows] == [["a 1.00"] * 3, ["b 1.00"] * 3]
    assert columns == ["original", "draw 1", "draw 2"]
    np.testing.assert_array_equal(rows[1].cells[0], scene("b", 1).image)


def test_a_picture_that_is_alone_is_mixed_with_itself_upside_down(
    drawn: list[tuple[list[SheetRow], list[str]]],
) -> None:
    cat = scene("cat", 1)
    draw_methods([cat], ["mixup"], [0, 0.5])
    (((row,), _),) = drawn
    assert row.captions == ["cat turned 1.00", "cat 0.50 + cat turned 0.50"]
    np.testing.assert_array_equal(row.cells[0], cat.image[::-1, ::-1])


def test_the_seed_decides() -> None:
    pictures = [scene("cat", 1), scene("dog", 2)]
    sheets = [draw_methods(pictures, METHODS, [0.4], seed=seed) for seed in (5, 5, 6)]
    np.testing.assert_array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[0], sheets[2])


def test_every_method_is_named_once_in_lower_case() -> None:
    assert len(set(METHODS)) == len(METHODS)
    assert all(re.fullmatch("[a-z]+", method) for method in METHODS)
