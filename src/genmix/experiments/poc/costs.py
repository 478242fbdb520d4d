"""What a proof of concept cost, and what the whole data set would cost."""

from collections.abc import Mapping
from dataclasses import replace

from genmix.experiments.poc.plan import Machine, Plan
from genmix.experiments.poc.result import Cost, Full, Prepared
from genmix.experiments.poc.settings import CURRENCY, Prices
from genmix.jobs.plan import prompts_per_photo
from genmix.recipe import Recipe

DIFFUSION_SECONDS = 1.0
"""Of a GPU for an edit by a diffusion model, as an order of size; see docs/editors.md."""

_HOUR = 3600.0


def cost_of(
    seconds: Mapping[str, float],
    plan: Plan,
    machine: Machine,
    photos: Prepared,
    recipe: Recipe,
) -> Cost:
    """Reckon what was spent, and what the whole data set would take with the chosen recipe.

    Args:
        seconds: What each stage took.
        plan: Says how often a photo was trained on.
        machine: What was measured.
        photos: Says how many photos there are.
        recipe: What was chosen.
    """
    per_photo = prompts_per_photo(recipe, recipe.chosen_prompts()) * recipe.variants
    edits = photos.photos * per_photo
    gpu = machine.device == "cuda"
    share = photos.photos / max(1, photos.counts["train"])
    train_hours = share * plan.steps * machine.step_seconds / _HOUR
    edit_hours = edits * machine.edit_seconds / machine.workers / _HOUR
    full = Full(
        photos=photos.photos,
        edits=edits,
        edit_hours=edit_hours,
        train_hours=train_hours,
        device=machine.device,
        gpu_hours=train_hours if gpu else 0.0,
        money=None,
        diffusion_gpu_hours=edits * DIFFUSION_SECONDS / _HOUR,
        diffusion_money=None,
    )
    total = sum(seconds.values()) / _HOUR
    return Cost(
        seconds=dict(seconds),
        budget_seconds=plan.budget_seconds,
        gpu_hours=total if gpu else 0.0,
        money=None,
        currency=CURRENCY,
        full=full,
    )


def priced(cost: Cost, prices: Prices) -> Cost:
    """Say what it comes to in money, as far as there are prices.

    An hour with a GPU costs what the GPU costs; any other what this machine costs. A price that was
    given before stays beside one that is given now, unless that is in another currency; without any
    now, all stays.
    """
    if prices.cpu_hour is None and prices.gpu_hour is None:
        return cost
    prices = _with_earlier(prices, cost)
    total = sum(cost.seconds.values()) / _HOUR
    full = cost.full
    whole = full.edit_hours + full.train_hours
    diffusion = None if prices.gpu_hour is None else full.diffusion_gpu_hours * prices.gpu_hour
    return replace(
        cost,
        money=_money(total - cost.gpu_hours, cost.gpu_hours, prices),
        currency=prices.currency or CURRENCY,
        cpu_price=prices.cpu_hour,
        gpu_price=prices.gpu_hour,
        full=replace(
            full,
            money=_money(whole - full.gpu_hours, full.gpu_hours, prices),
            diffusion_money=diffusion,
        ),
    )


def _with_earlier(prices: Prices, cost: Cost) -> Prices:
    currency = prices.currency or cost.currency
    if currency != cost.currency:
        return prices
    return Prices(
        cpu_hour=cost.cpu_price if prices.cpu_hour is None else prices.cpu_hour,
        gpu_hour=cost.gpu_price if prices.gpu_hour is None else prices.gpu_hour,
        currency=currency,
    )


def _money(cpu_hours: float, gpu_hours: float, prices: Prices) -> float | None:
    if (cpu_hours > 0 and prices.cpu_hour is None) or (gpu_hours > 0 and prices.gpu_hour is None):
        return None
    return cpu_hours * (prices.cpu_hour or 0.0) + gpu_hours * (prices.gpu_hour or 0.0)
