from pathlib import Path

import pytest

from genmix.errors import ReviewError
from genmix.jobs.forget import forget
from genmix.reviewing import (
    Store,
    apply_reviews,
    counts,
    decide,
    forget_reviews,
    history,
    page,
    take,
)
from tests.jobs.outputs import rows


def test_what_reviews_hold_of_a_withdrawn_photo_is_gone_from_every_byte(
    out: Path, tmp_path: Path
) -> None:
    with Store(out) as store:
        items = page(store, size=30)
        photo = items[0].source
        kept = next(item for item in items if item.source != photo)
        for item in (items[0], kept):
            decide(store, "anna", item.output, item.output_sha256, "reject", reason=item.output)
        for item in items:
            if item.source == photo:
                decide(store, "Zoe Q", item.output, item.output_sha256, "label-wrong")
                withdrawn = item.output_sha256
        take(store, "ben")
    apply_reviews(out)
    name = Path(items[0].output).name
    assert any(name in path.name for path in out.rglob("*"))

    forget([photo], out, edits=tmp_path / "edits")
    forget_reviews(out)
    forget_reviews(out)
    everything = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    words = (name, photo, Path(items[0].output).stem.partition("-mosaic")[0], "Zoe Q", withdrawn)
    for path, data in everything.items():
        for word in words:
            assert word not in str(path.relative_to(out))
            assert word.encode() not in data, path
    with Store(out) as store:
        assert counts(store, "status") == {"rejected": 1, "undecided": 21}
        assert [d.reason for d in history(store, kept.output)] == [kept.output]
        with pytest.raises(ReviewError, match="only added"), store.writing() as connection:
            connection.execute("DELETE FROM decisions")
    assert apply_reviews(out).out == 1
    assert len(rows(out)) == 36 - 3


def test_an_open_studio_is_told_to_let_go(out: Path) -> None:
    with Store(out) as store, store.reading() as connection:
        connection.execute("SELECT * FROM items").fetchone()
        with pytest.raises(ReviewError, match="is open elsewhere: close the studio"):
            forget_reviews(out)
    forget_reviews(out)


def test_an_output_under_way_is_finished_first(out: Path) -> None:
    Store(out).close()
    (out / "manifest.parquet").unlink()
    with pytest.raises(ReviewError, match=r"is not finished.* then genmix forget again"):
        forget_reviews(out)


def test_where_nobody_reviewed_there_is_nothing_to_forget(out: Path) -> None:
    forget_reviews(out)
    assert not (out / "reviews.sqlite").exists()
