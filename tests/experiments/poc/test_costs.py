"""What the whole data set would cost, and that prices once given stay."""

import pytest

from genmix.experiments.poc.costs import cost_of, priced
from genmix.experiments.poc.result import Cost, Prepared
from genmix.experiments.poc.settings import Prices
from genmix.recipe import Recipe, load_recipe
from tests.experiments.poc.quick import MACHINE, QUICK

PHOTOS = Prepared({"train": 72, "val": 18, "test": 30}, 120, 0, 0, {}, (), ("bars", "dots"))
SPENT = {"baseline": 3600.0, "final": 3600.0}


def cost(recipe: Recipe | None = None) -> Cost:
    return cost_of(SPENT, QUICK, MACHINE, PHOTOS, recipe or load_recipe("classification"))


def test_every_variant_of_every_prompt_is_an_edit_and_originals_are_none() -> None:
    recipe = load_recipe("classification")
    prompts = len(recipe.chosen_prompts())
    few = {"prompts": {**recipe.prompts.model_dump(), "per_photo": 2}}
    for changes, edits in (
        ({}, prompts),
        ({"variants": 3}, 3 * prompts),
        ({"variants": 3, **few}, 6),
        ({"output": {"originals": "none"}}, prompts),
    ):
        full = cost(recipe.changed(**changes)).full
        assert full.edits == PHOTOS.photos * edits
        hours = full.edits * MACHINE.edit_seconds / MACHINE.workers / 3600
        assert full.edit_hours == pytest.approx(hours)


def test_prices_that_are_not_given_again_stay() -> None:
    both = priced(cost(), Prices(cpu_hour=2, gpu_hour=36, currency="EUR"))
    assert (both.money, both.currency) == (4.0, "EUR")
    assert priced(both, Prices()) == both
    dearer = priced(both, Prices(cpu_hour=3))
    assert (dearer.money, dearer.currency) == (6.0, "EUR")
    assert dearer.full.diffusion_money == both.full.diffusion_money is not None
    assert priced(both, Prices(gpu_hour=36)) == both


def test_prices_of_two_currencies_are_never_added() -> None:
    euros = priced(cost(), Prices(cpu_hour=2, gpu_hour=36, currency="EUR"))
    yen = priced(euros, Prices(cpu_hour=300, currency="JPY"))
    assert (yen.money, yen.currency) == (600.0, "JPY")
    assert yen.full.diffusion_money is None


def test_without_a_currency_prices_are_in_dollars_and_without_prices_there_is_no_money() -> None:
    assert priced(cost(), Prices(cpu_hour=2)).currency == "USD"
    assert priced(cost(), Prices(currency="EUR")).money is None
