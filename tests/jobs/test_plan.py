"""The plan is pure and complete."""

from collections import Counter
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from genmix.datasets import Photo
from genmix.jobs.folder import Share
from genmix.jobs.plan import Plan, items_of, listing_digest, spread
from genmix.recipe import Recipe

listings = st.lists(
    st.tuples(st.text("abc", min_size=1, max_size=4), st.sampled_from("xyz")), unique=True
).map(lambda pairs: sorted(Photo(f"{label}/{name}", label) for name, label in pairs))
recipes = st.builds(
    lambda variants, per_photo, originals: Recipe().changed(
        variants=variants,
        prompts={"per_photo": per_photo},
        output={"originals": originals},
    ),
    st.integers(1, 40),
    st.none() | st.integers(1, 12),
    st.sampled_from(["none", "copy"]),
)


@given(listings, recipes)
def test_shards_hold_every_photo_once_in_order(photos: list[Photo], recipe: Recipe) -> None:
    plan = Plan(photos, recipe, recipe.chosen_prompts())
    assert list(chain.from_iterable(plan.shard(k) for k in range(plan.shard_count))) == photos
    items = [i for photo in photos for i in items_of(photo, recipe, plan.prompts)]
    assert len(items) == plan.item_count
    assert len(set(items)) == len(items)


@given(st.integers(0, 200), st.integers(1, 9))
def test_every_shard_belongs_to_just_one_share(shards: int, count: int) -> None:
    shares = [Share(k + 1, count) for k in range(count)]
    for shard in range(shards):
        assert sum(share.takes(shard) for share in shares) == 1


@given(listings, st.integers(1, 12))
def test_a_limit_takes_photos_of_every_class_as_evenly_as_they_allow(
    photos: list[Photo], limit: int
) -> None:
    taken = spread(photos, limit)
    assert len(taken) == min(limit, len(photos))
    assert taken == [p for p in photos if p in set(taken)]
    there, got = (Counter(p.label for p in some) for some in (photos, taken))
    for label in there:
        assert got[label] >= min(there[label], max(got.values()) - 1)


def test_a_listing_that_changes_has_another_digest() -> None:
    one = [Photo("a/1.jpg", "a")]
    assert listing_digest(one) != listing_digest([Photo("a/1.jpg", "b")])
    assert listing_digest(one) != listing_digest([Photo("a/2.jpg", "a")])
