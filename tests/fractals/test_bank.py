"""A bank is drawn once, kept whole, shared, and the same whoever draws it."""

import os
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import portalocker
import pytest

from genmix.errors import GenmixError, OutputError
from genmix.fractals import FAMILIES, FractalBank, bank, draw
from genmix.images import Image, encode_jpeg, encode_png

SIZE = 32


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GENMIX_CACHE", str(folder))
    return folder


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the pictures drawn so far; drawing itself is made quick."""
    numbers: list[int] = []

    def quick_draw(
        size: int, seed: int, index: int, families: tuple[str, ...], palettes: object
    ) -> tuple[str, Image]:
        assert palettes is None
        numbers.append(index)
        return families[index % len(families)], plain(size, (index, seed, 9))

    monkeypatch.setattr(bank, "draw", quick_draw)
    return numbers


def plain(size: int, colour: tuple[int, int, int]) -> Image:
    return np.full((size, size, 3), colour, np.uint8)


def pixels(fractals: FractalBank) -> Image:
    return np.stack([fractals[index] for index in range(len(fractals))])


def test_a_bank_holds_what_draw_draws() -> None:
    fractals = FractalBank.open(6, SIZE, 5)
    assert len(fractals) == 6
    assert fractals.size == SIZE
    for index in range(6):
        family, picture = draw(SIZE, 5, index)
        assert fractals.name(index) == f"{family}/{index:05d}"
        assert np.array_equal(fractals[index], picture)


def test_a_small_bank_is_the_beginning_of_a_larger_one() -> None:
    small, large = (FractalBank.open(count, SIZE, 5) for count in (3, 7))
    assert small.fingerprint != large.fingerprint
    for index in range(3):
        assert small.name(index) == large.name(index)
        assert np.array_equal(small[index], large[index])


def test_a_bank_does_not_depend_on_the_number_of_workers(cache: Path) -> None:
    alone = pixels(FractalBank.open(10, SIZE, 2, workers=1))
    shutil.rmtree(cache)
    assert np.array_equal(pixels(FractalBank.open(10, SIZE, 2, workers=2)), alone)


def test_a_picture_is_a_read_only_view_of_the_shared_file(drawn: list[int]) -> None:
    picture = FractalBank.open(3, SIZE, 0)[1]
    assert picture.dtype == np.uint8
    assert picture.shape == (SIZE, SIZE, 3)
    assert not picture.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        picture[0, 0, 0] = 1
    assert drawn == [0, 1, 2]


def test_a_number_beyond_the_end_is_an_index_error(drawn: list[int]) -> None:
    fractals = FractalBank.open(2, SIZE, 0)
    with pytest.raises(IndexError):
        fractals[2]
    assert drawn == [0, 1]


def test_a_bank_is_drawn_once(drawn: list[int]) -> None:
    first = FractalBank.open(4, SIZE, 0)
    again = FractalBank.open(4, SIZE, 0)
    assert drawn == [0, 1, 2, 3]
    assert again.fingerprint == first.fingerprint
    assert np.array_equal(again[3], first[3])


@pytest.mark.parametrize(
    ("count", "size", "seed", "families"),
    [(3, 32, 0, FAMILIES), (2, 40, 0, FAMILIES), (2, 32, 1, FAMILIES), (2, 32, 0, ("noise",))],
)
def test_another_count_size_seed_or_choice_of_families_is_another_bank(
    drawn: list[int], count: int, size: int, seed: int, families: tuple[str, ...]
) -> None:
    first = FractalBank.open(2, 32, 0)
    other = FractalBank.open(count, size, seed, families=families)
    assert other.fingerprint != first.fingerprint
    assert len(drawn) == 2 + count


def test_progress_is_told_while_drawing_and_not_when_nothing_is_drawn(drawn: list[int]) -> None:
    told: list[tuple[int, int]] = []
    for _ in range(2):
        FractalBank.open(3, SIZE, 0, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len(drawn) == 3


def cut_short(folder: Path) -> None:
    os.truncate(folder / "pixels.npy", 5000)


def flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / "pixels.npy").read_bytes())
    data[-7] ^= 1
    (folder / "pixels.npy").write_bytes(data)


def empty_the_pixels(folder: Path) -> None:
    (folder / "pixels.npy").write_bytes(b"")


def pickle_the_pixels(folder: Path) -> None:
    with (folder / "pixels.npy").open("wb") as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)


def reshape_the_pixels(folder: Path) -> None:
    np.save(folder / "pixels.npy", np.zeros((4, SIZE * SIZE * 3), np.uint8))


def lose_the_index(folder: Path) -> None:
    (folder / "index.json").unlink()


def garble_the_index(folder: Path) -> None:
    (folder / "index.json").write_bytes(b'{"names": ["julia/0')


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        flip_a_bit,
        empty_the_pixels,
        pickle_the_pixels,
        reshape_the_pixels,
        lose_the_index,
        garble_the_index,
    ],
)
def test_a_damaged_bank_is_noticed_and_drawn_anew(
    drawn: list[int], damage: Callable[[Path], None]
) -> None:
    fractals = FractalBank.open(4, SIZE, 0)
    before = pixels(fractals)
    damage(fractals.folder)
    assert np.array_equal(pixels(FractalBank.open(4, SIZE, 0)), before)
    assert drawn == [0, 1, 2, 3] * 2


def test_what_an_interrupted_drawing_left_is_cleared_away(drawn: list[int], cache: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        del total
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FractalBank.open(4, SIZE, 0, progress=interrupt)
    assert [path.suffix for path in (cache / "fractals").iterdir()] == [".lock"]
    assert len(FractalBank.open(4, SIZE, 0)) == 4
    assert drawn == [0, 1, 0, 1, 2, 3]


def test_two_that_open_the_same_bank_at_once_draw_it_once(drawn: list[int]) -> None:
    with ThreadPoolExecutor(2) as pool:
        banks = list(pool.map(lambda seed: FractalBank.open(40, SIZE, seed), (7, 7)))
    assert sorted(drawn) == list(range(40))
    assert np.array_equal(pixels(banks[0]), pixels(banks[1]))


def test_pickling_a_bank_pickles_only_where_it_is(drawn: list[int]) -> None:
    fractals = FractalBank.open(30, 64, 0)
    data = pickle.dumps(fractals)
    assert len(data) < 1000
    reopened = pickle.loads(data)
    assert reopened.fingerprint == fractals.fingerprint
    assert np.array_equal(reopened[29], fractals[29])
    assert len(drawn) == 30


def test_unpickling_a_bank_that_is_gone_says_so(drawn: list[int]) -> None:
    fractals = FractalBank.open(2, SIZE, 0)
    data = pickle.dumps(fractals)
    shutil.rmtree(fractals.folder)
    with pytest.raises(GenmixError, match="gone or damaged"):
        pickle.loads(data)
    assert len(drawn) == 2


def test_a_picture_is_resized_to_fit(drawn: list[int]) -> None:
    fractals = FractalBank.open(2, SIZE, 0)
    assert fractals.fitting(1, 20, 50).shape == (20, 50, 3)
    assert np.shares_memory(fractals.fitting(1, SIZE, SIZE), fractals[1])
    assert len(drawn) == 2


@pytest.mark.parametrize(("count", "size"), [(0, 32), (4, 7)])
def test_a_count_or_size_out_of_range_is_one_clear_line(count: int, size: int) -> None:
    with pytest.raises(GenmixError, match=r"needs a (count|size) of \d or more, not \d"):
        FractalBank.open(count, size, 0)


def test_numbers_that_numpy_counted_open_the_same_bank() -> None:
    counted = FractalBank.open(np.int64(2), np.int32(SIZE), np.int64(0))  # type: ignore[arg-type]
    assert counted.fingerprint == FractalBank.open(2, SIZE, 0).fingerprint


@pytest.mark.parametrize(
    ("count", "size", "seed", "what"),
    [(2, SIZE, 0.5, "seed"), (2.0, SIZE, 0, "count"), (2, "32", 0, "size")],
)
def test_what_is_no_whole_number_is_one_clear_line(
    count: Any, size: Any, seed: Any, what: str
) -> None:
    with pytest.raises(GenmixError, match=f"needs a whole number as its {what}, not"):
        FractalBank.open(count, size, seed)


def test_a_cache_that_cannot_be_written_is_one_clear_line(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="cannot write"):
        FractalBank.open(2, SIZE, 0)


def test_a_cache_that_cannot_be_locked_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(lock: portalocker.Lock) -> None:
        raise portalocker.LockException(lock)

    monkeypatch.setattr(portalocker.Lock, "acquire", refuse)
    with pytest.raises(OutputError, match="set GENMIX_CACHE to a folder on this machine's own"):
        FractalBank.open(2, SIZE, 0)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder: two good pictures, one of them below, and one that is damaged."""
    folder = tmp_path / "own"
    (folder / "b").mkdir(parents=True)
    wide = np.concatenate([plain(40, (255, 0, 0)), plain(40, (0, 255, 0)), plain(40, (0, 0, 255))])
    (folder / "b" / "tall.png").write_bytes(encode_png(wide))
    (folder / "a.JPG").write_bytes(encode_jpeg(plain(50, (200, 100, 50))))
    (folder / "broken.jpg").write_bytes(encode_jpeg(plain(50, (1, 2, 3)))[:200])
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"nothing")
    return folder


def test_a_folder_of_pictures_becomes_a_bank_in_the_order_of_its_paths(own: Path) -> None:
    fractals = FractalBank.from_folder(own, 20)
    assert [fractals.name(k) for k in range(len(fractals))] == ["a.JPG", "b/tall.png"]
    assert fractals[0].shape == (20, 20, 3)
    assert np.abs(fractals[0].astype(int) - (200, 100, 50)).max() < 8


def test_the_middle_square_of_a_picture_is_taken(own: Path) -> None:
    assert (FractalBank.from_folder(own, 20)[1] == (0, 255, 0)).all()


def test_a_picture_that_cannot_be_read_is_listed_with_its_reason(own: Path) -> None:
    ((path, reason),) = FractalBank.from_folder(own, 20).unreadable
    assert path == "broken.jpg"
    assert reason


def test_a_link_to_a_picture_that_is_gone_is_listed_as_unreadable(own: Path) -> None:
    (own / "broken.jpg").unlink()
    (own / "link.png").symlink_to(own / "nowhere.png")
    assert FractalBank.from_folder(own, 20).unreadable == (
        ("link.png", "it cannot be read: No such file or directory"),
    )


def test_a_picture_whose_name_is_not_utf8_is_left_out_with_the_reason(own: Path) -> None:
    (own / "broken.jpg").unlink()
    shutil.copy(own / "a.JPG", own / os.fsdecode(b"caf\xe9.jpg"))
    fractals = FractalBank.from_folder(own, 20)
    assert fractals.unreadable == (("caf\\xe9.jpg", "its name is not UTF-8"),)
    assert len(fractals) == 2


def test_a_folder_is_decoded_once_until_its_content_changes(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = FractalBank.from_folder(own, 20)
    moved = own.rename(own.with_name("moved"))
    with monkeypatch.context() as patch:
        patch.setattr(bank, "decode", None)
        again = FractalBank.from_folder(moved, 20)
    assert again.fingerprint == first.fingerprint
    assert again.unreadable == first.unreadable
    (moved / "a.JPG").write_bytes(encode_jpeg(plain(50, (0, 0, 0))))
    assert FractalBank.from_folder(moved, 20).fingerprint != first.fingerprint
    assert FractalBank.from_folder(moved, 24).size == 24


def test_a_folder_without_pictures_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(GenmixError, match=r"^no pictures in .*: put some there"):
        FractalBank.from_folder(tmp_path, 20)


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(GenmixError, match="there is no folder of fractals at"):
        FractalBank.from_folder(tmp_path / "nowhere", 20)


def test_a_folder_in_which_nothing_can_be_read_is_one_clear_line(
    tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.png").write_bytes(b"no picture")
    with pytest.raises(GenmixError, match=r"no picture in .* can be read; the first is x\.png"):
        FractalBank.from_folder(tmp_path / "own", 20)
    assert [path.suffix for path in (cache / "fractals").iterdir()] == [".lock"]


def test_a_folder_bank_needs_a_size_of_eight_or_more(own: Path) -> None:
    with pytest.raises(GenmixError, match="needs a size of 8 or more, not 3"):
        FractalBank.from_folder(own, 3)
