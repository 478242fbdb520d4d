"""Attacks, against implementations written from the papers and against exact answers."""

import copy
import sys
from types import FrameType

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genmix.errors import MissingExtraError, TrainingError
from genmix.training.attacks import METHODS, Attack, Method, attack, check_attack

PIXEL = 1 / 255


class Linear(nn.Module):
    """A linear classifier, whose accuracy under attack can be reckoned exactly."""

    def __init__(self, classes: int, side: int) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * side**2, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layer(pictures.flatten(1))


def network(classes: int) -> nn.Module:
    """A small network that normalises its pictures, with layers that train and judge unlike."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv2d(12, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def patterns(count: int, classes: int, side: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy pictures of faint patterns, values in [0.2, 0.8], and which pattern each shows."""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.rand(classes, 3, side, side, generator=torch.Generator().manual_seed(9))
    labels = torch.arange(count) % classes
    noise = torch.rand(count, 3, side, side, generator=generator)
    return 0.2 + 0.6 * (0.14 * shown[labels] + 0.86 * noise), labels


def trained(model: nn.Module, classes: int, side: int, steps: int) -> nn.Module:
    """Train on patterns."""
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    pictures, labels = patterns(512, classes, side, seed=1)
    for step in range(steps):
        rows = torch.arange(64 * step, 64 * step + 64) % len(labels)
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(model(pictures[rows]), labels[rows]))
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return trained(network(6), 6, 12, 60)


@pytest.fixture(scope="module")
def photos() -> tuple[Tensor, Tensor]:
    return patterns(800, 6, 12)


def accuracy(model: nn.Module, pictures: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return (model(pictures).argmax(1) == labels).double().mean().item()


def numpy_state() -> npt.NDArray[np.uint32]:
    return np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002


def fgsm(model: nn.Module, pictures: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Goodfellow et al. 2015, section 4: one step of ε along the sign of the loss's gradient."""
    found = pictures.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(cross_entropy(model(found), labels, reduction="sum"), found)
    return (pictures + epsilon * gradient.sign()).clamp(0, 1)


def pgd(model: nn.Module, pictures: Tensor, labels: Tensor, epsilon: float, steps: int) -> Tensor:
    """Madry et al. 2018, section 2.1: ascend, project onto the ball; from a random start."""
    start = torch.rand(pictures.shape, generator=torch.Generator().manual_seed(77))
    found = (pictures + epsilon * (2 * start - 1)).clamp(0, 1)
    for _ in range(steps):
        found = fgsm(model, found, labels, 2.5 * epsilon / steps)
        found = torch.minimum(torch.maximum(found, pictures - epsilon), pictures + epsilon)
    return found


@pytest.mark.parametrize("levels", [1, 2, 4, 8])
def test_fgsm_leaves_the_accuracy_that_the_paper_s_formula_leaves(
    model: nn.Module, photos: tuple[Tensor, Tensor], levels: float
) -> None:
    pictures, labels = photos
    found = attack(model, *photos, Attack("fgsm", levels * PIXEL))
    expected = fgsm(model, *photos, levels * PIXEL)
    assert (found - expected).abs().max() < 1e-6
    assert accuracy(model, found, labels) == accuracy(model, expected, labels)
    assert accuracy(model, found, labels) < accuracy(model, pictures, labels) - 0.02


@pytest.mark.parametrize(("levels", "steps"), [(1, 10), (2, 10), (4, 20), (8, 10)])
def test_pgd_agrees_with_the_paper_s_to_half_a_point(
    model: nn.Module, photos: tuple[Tensor, Tensor], levels: float, steps: int
) -> None:
    _, labels = photos
    found = attack(model, *photos, Attack("pgd", levels * PIXEL, steps))
    expected = pgd(model, *photos, levels * PIXEL, steps)
    left, other = (accuracy(model, pictures, labels) for pictures in (found, expected))
    assert left == pytest.approx(other, abs=0.005)
    assert left <= accuracy(model, fgsm(model, *photos, levels * PIXEL), labels)


def safe_share(model: Linear, pictures: Tensor, labels: Tensor, epsilon: float) -> float:
    """Share of pictures that no change of ε makes a linear classifier mistake, exactly.

    The score of the right class less another's falls by ε times the sum of the absolute
    differences of their weights at worst, as no picture is near 0 or 1.
    """
    weight, logits = model.layer.weight.detach(), model(pictures).detach()
    margins = logits.gather(1, labels[:, None]) - logits
    worst = epsilon * (weight[labels][:, None] - weight[None]).abs().sum(2)
    others = torch.arange(logits.shape[1]) != labels[:, None]
    return (margins - worst)[others].view(len(labels), -1).gt(0).all(1).double().mean().item()


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_attacks_leave_a_linear_classifier_exactly_what_it_can_keep(classes: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = trained(Linear(classes, 6), classes, 6, 30)
    assert isinstance(model, Linear)
    pictures, labels = patterns(42, classes, 6)
    epsilon = 6 * PIXEL
    exact = safe_share(model, pictures, labels, epsilon)
    assert 0.1 < exact < accuracy(model, pictures, labels) - 0.1
    left = {
        method: accuracy(model, attack(model, pictures, labels, Attack(method, epsilon)), labels)
        for method in METHODS
    }
    assert left["autoattack"] == pytest.approx(exact, abs=1e-9)
    assert left["pgd"] >= left["autoattack"]
    if classes == 2:  # one gradient is the whole truth
        assert left["fgsm"] == left["pgd"] == left["autoattack"]


def test_autoattack_finds_all_that_pgd_finds(
    model: nn.Module, photos: tuple[Tensor, Tensor]
) -> None:
    pictures, labels = (part[:24] for part in photos)
    found = attack(model, pictures, labels, Attack("autoattack", 3 * PIXEL))
    assert (found - pictures).abs().max() < 3 * PIXEL + 1e-6
    weaker = attack(model, pictures, labels, Attack("pgd", 3 * PIXEL, 40))
    assert accuracy(model, found, labels) <= accuracy(model, weaker, labels)


@pytest.mark.parametrize("written", ["fgsm@8/255", "pgd@8/255", "autoattack@8/255"])
def test_pictures_stay_pictures_and_near(model: nn.Module, written: str) -> None:
    generator = torch.Generator().manual_seed(2)
    pictures = torch.rand(6, 3, 12, 12, generator=generator).round()  # black and white
    labels = model(pictures).argmax(1)
    found = attack(model, pictures, labels, Attack.parse(written))
    assert found.shape == pictures.shape
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert found.min() >= 0
    assert found.max() <= 1
    assert 0 < (found - pictures).abs().max() < 8 * PIXEL + 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_the_model_and_all_generators_are_left_as_they_were(
    model: nn.Module, photos: tuple[Tensor, Tensor], method: Method
) -> None:
    pictures, labels = (part[:6] for part in photos)
    model = copy.deepcopy(model).train()
    next(model.children()).eval()
    weights = list(model.parameters())
    for weight in weights:
        weight.grad = None
    weights[0].requires_grad_(False)
    weights[1].grad = torch.ones_like(weights[1])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generators = torch.get_rng_state(), numpy_state()
    attack(model, pictures, labels, Attack(method, 8 * PIXEL))
    assert [module.training for module in model.children()] == [False] + [True] * 8
    assert [weight.requires_grad for weight in weights] == [False] + [True] * 7
    assert [weight.grad is None for weight in weights] == [True, False] + [True] * 6
    assert torch.equal(weights[1].grad, torch.ones_like(weights[1]))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert np.array_equal(numpy_state(), generators[1])


@pytest.mark.parametrize("method", ["pgd", "autoattack"])
def test_a_seed_gives_the_same_pictures_and_another_others(
    model: nn.Module, photos: tuple[Tensor, Tensor], method: Method
) -> None:
    pictures, labels = (part[:4] for part in photos)
    how = Attack(method, 8 * PIXEL)
    first, again, other = (attack(model, pictures, labels, how, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_tracer_such_as_a_debugger_s_survives(
    model: nn.Module, photos: tuple[Tensor, Tensor]
) -> None:
    def tracer(_frame: FrameType, _event: str, _argument: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        attack(model, photos[0][:2], photos[1][:2], Attack("autoattack", 8 * PIXEL))
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer


def test_no_pictures_give_no_pictures(model: nn.Module) -> None:
    none = torch.rand(0, 3, 12, 12)
    labels = torch.zeros(0, dtype=torch.int64)
    assert attack(model, none, labels, Attack("pgd", PIXEL)).shape == none.shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fgsm@4/255", Attack("fgsm", 4 / 255)),
        ("fgsm@0.5/255", Attack("fgsm", 0.5 / 255)),
        (" pgd@8/255", Attack("pgd", 8 / 255, 10)),
        ("pgd-20@8/255", Attack("pgd", 8 / 255, 20)),
        ("autoattack@255/255", Attack("autoattack", 1.0)),
    ],
)
def test_an_attack_is_read_as_it_is_written(text: str, expected: Attack) -> None:
    assert Attack.parse(text) == expected
    assert str(expected) == text.strip()
    assert Attack.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fgsm", "'fgsm' is no attack: write it as fgsm@4/255 or pgd-20@4/255"),
        ("fgsm@0.1", "write it as fgsm@4/255"),
        ("fgsm@4/256", "write it as fgsm@4/255"),
        ("", "'' is no attack"),
        ("fsgm@4/255", "there is no attack 'fsgm'; did you mean 'fgsm'?"),
        ("fgsm@0/255", "ε is 0/255: it must lie above 0"),
        ("pgd@256/255", "ε is 256/255: it must lie above 0 and up to 1"),
        ("pgd-0@4/255", "pgd cannot take 0 steps: give 1 or more"),
        ("fgsm-20@4/255", "fgsm takes no number of steps: only pgd does"),
        ("autoattack-10@4/255", "autoattack takes no number of steps: only pgd does"),
    ],
)
def test_what_is_no_attack_is_explained(text: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        Attack.parse(text)


def test_a_device_that_the_library_does_not_know_is_refused(model: nn.Module) -> None:
    pictures, labels = torch.rand(1, 3, 12, 12, device="meta"), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(TrainingError, match="on a CPU or an NVIDIA GPU, not on meta"):
        attack(model, pictures, labels, Attack("fgsm", PIXEL))


@pytest.mark.parametrize(
    ("package", "method", "feature"),
    [
        ("art.attacks", "fgsm", "attacking a model"),
        ("art.attacks", "pgd", "attacking a model"),
        ("pyautoattack", "autoattack", "AutoAttack"),
    ],
)
def test_without_its_library_one_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, package: str, method: Method, feature: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as raised:
        check_attack(Attack(method, PIXEL))
    assert str(raised.value) == f"{feature} needs an extra: pip install 'genmix[proof]'"
