"""What an editor must return, and what comes of one that does not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genmix.datasets import open_source
from genmix.editing import edit_pictures
from genmix.editing.cache import EditCache
from genmix.editing.procedural import ProceduralEditor
from genmix.errors import EditorError
from genmix.images import Image
from genmix.jobs.augment import open_bank
from genmix.jobs.pipeline import Pipeline
from genmix.prompts import Prompt
from genmix.recipe import Recipe

SNOW = Prompt.model_validate({"id": "snowy", "prompt": "snowy"})


class Careless(ProceduralEditor):
    """Does something to its edits before it returns them."""

    def __init__(self, spoil: Callable[[list[Image]], Any]) -> None:
        super().__init__()
        self.spoil = spoil

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        edits: list[Image] = self.spoil(super().edit(images, prompts, seeds))
        return edits


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda edits: edits[:-1], "returned 1 edits of 2 pictures"),
        (lambda edits: edits * 2, "returned 4 edits of 2 pictures"),
        (lambda _: None, "returned 0 edits of 2 pictures"),
        (lambda edits: [e[:-1] for e in edits], "uint8 15x24x3 for a picture of uint8 16x24x3"),
        (lambda edits: [e / 255 for e in edits], "float64 16x24x3 for a picture of uint8 16x24x3"),
        (lambda edits: [e.tolist() for e in edits], "a list for a picture"),
    ],
)
def test_edits_that_do_not_fit_their_pictures_are_refused(
    spoil: Callable[[list[Image]], Any], words: str
) -> None:
    images = [np.zeros((16, 24, 3), np.uint8)] * 2
    with pytest.raises(EditorError, match=words) as caught:
        edit_pictures(Careless(spoil), images, [SNOW] * 2, [1, 2])
    assert "\n" not in str(caught.value)


def test_edits_may_come_in_one_array() -> None:
    images = [np.zeros((16, 24, 3), np.uint8)] * 2
    assert len(edit_pictures(Careless(np.stack), images, [SNOW] * 2, [1, 2])) == 2


@pytest.fixture
def pipeline(photos: Path, small: Recipe, tmp_path: Path) -> Pipeline:
    bank, cache = open_bank(small, 1, lambda *_: None), EditCache(tmp_path)
    return Pipeline(open_source(photos), small, small.chosen_prompts()[:1], bank, cache)


def test_nothing_of_a_careless_editor_is_cached(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.editor = Careless(lambda edits: [edit[:-1] for edit in edits])
    with pytest.raises(EditorError, match="47x48x3 for a picture of uint8 48x48x3"):
        list(pipeline.run(pipeline.source.photos))
    assert list(tmp_path.rglob("*.*")) == []


def test_a_cached_edit_of_another_size_is_made_again(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.editor = ProceduralEditor()
    before = [made.data for made in pipeline.run(pipeline.source.photos)]
    for path in tmp_path.rglob("*.jpg"):
        path.unlink()
        pipeline.cache.put(path.stem, np.zeros((47, 48, 3), np.uint8))
    assert [made.data for made in pipeline.run(pipeline.source.photos)] == before
    assert pipeline.edits.reused == 0
