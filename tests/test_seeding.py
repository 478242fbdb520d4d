"""Keys and the randomness that belongs to them."""

from hypothesis import given
from hypothesis import strategies as st

from genmix.seeding import generator, seed_of

keys = st.lists(st.one_of(st.text(), st.integers()), max_size=4).map(tuple)


@given(keys, keys)
def test_different_keys_give_different_seeds(
    first: tuple[str | int, ...], second: tuple[str | int, ...]
) -> None:
    assert (seed_of(*first) == seed_of(*second)) is (first == second)


@given(keys)
def test_a_seed_fits_into_32_bits_and_the_same_key_draws_the_same(
    key: tuple[str | int, ...],
) -> None:
    assert 0 <= seed_of(*key) < 2**32
    assert (generator(*key).random(3) == generator(*key).random(3)).all()


def test_parts_of_a_key_do_not_run_together() -> None:
    assert seed_of("a", "bc") != seed_of("ab", "c")
    assert seed_of(1, "2") != seed_of("1", 2)


def test_seeds_stay_what_they_were() -> None:
    assert seed_of("edit", 0, "cat/1.jpg", "snowy", 0) == 2694722713
