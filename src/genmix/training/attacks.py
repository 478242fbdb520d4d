"""Adversarial attacks within ε of each picture, in pixels: FGSM, PGD and AutoAttack.

The arithmetic is the Adversarial Robustness Toolbox's and, for AutoAttack, its authors' own. What
accuracy is left under attack is `evaluation`'s business.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, cast, get_args

import torch
from torch import Tensor, nn

from genmix.errors import MissingExtraError, TrainingError, nearest
from genmix.training.global_seeds import numpy_seeded

Method: TypeAlias = Literal["fgsm", "pgd", "autoattack"]

METHODS: tuple[Method, ...] = get_args(Method)
DEFAULT_STEPS = 10

_STRIDE = 2.5
"""PGD can reach any point of the ball, and go back, if its steps together are this many ε."""

_TARGETS = 9
"""Classes that AutoAttack aims at, where there are so many others."""

_WRITTEN = re.compile(
    r"(?P<method>[a-z]+)(-(?P<steps>[0-9]{1,6}))?@(?P<levels>[0-9]+(\.[0-9]+)?)/255"
)


@dataclass(frozen=True)
class Attack:
    """What an attacker does; written "fgsm@4/255" or, with a number of steps, "pgd-20@4/255".

    Attributes:
        method: "fgsm": one step along the sign of the gradient (Goodfellow et al., ICLR 2015, arXiv
            1412.6572). "pgd": steps of 2.5 ε / `steps` from a random start (Madry et al., ICLR
            2018, arXiv 1706.06083). "autoattack": the standard ensemble (Croce and Hein, ICML 2020,
            arXiv 2003.01690).
        epsilon: ε, the most that a value of a picture may change, in (0, 1].
        steps: Of PGD, 1 or more; the others have no such choice.
    """

    method: Method
    epsilon: float
    steps: int = DEFAULT_STEPS

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise TrainingError(
                f"there is no attack {self.method!r}; {nearest(self.method, METHODS)}"
            )
        if not 0 < self.epsilon <= 1:
            raise TrainingError(f"ε is {_levels(self.epsilon)}: it must lie above 0 and up to 1")
        if self.method != "pgd" and self.steps != DEFAULT_STEPS:
            raise TrainingError(f"{self.method} takes no number of steps: only pgd does")
        if self.steps < 1:
            raise TrainingError(f"pgd cannot take {self.steps} steps: give 1 or more")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` writes.

        Raises:
            TrainingError: If it is written otherwise, or there is no such attack.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            raise TrainingError(f"{text!r} is no attack: write it as fgsm@4/255 or pgd-20@4/255")
        if found["steps"] and found["method"] in set(METHODS) - {"pgd"}:
            raise TrainingError(f"{found['method']} takes no number of steps: only pgd does")
        steps = int(found["steps"]) if found["steps"] else DEFAULT_STEPS
        return cls(cast("Method", found["method"]), float(found["levels"]) / 255, steps)

    def __str__(self) -> str:
        steps = "" if self.steps == DEFAULT_STEPS else f"-{self.steps}"
        return f"{self.method}{steps}@{_levels(self.epsilon)}"


def attack(
    model: nn.Module, pictures: Tensor, labels: Tensor, how: Attack, seed: int = 0
) -> Tensor:
    """Change pictures so that a classifier no longer sees what they show.

    The classifier works in `eval()`, and is left as it was: its modes, and whether and which
    gradients its parameters have.

    Args:
        model: Pictures in [0, 1] to logits, N x K.
        pictures: float32, N x 3 x H x W in [0, 1], on the model's device: a CPU or an NVIDIA GPU.
        labels: N class indices, int64.
        how: The attack.
        seed: Of every random choice, in [0, 2**32).

    Returns:
        Pictures in [0, 1], no value farther than ε (and a rounding error) from where it was. Where
        AutoAttack finds no way, or none is needed, the picture itself.

    Raises:
        MissingExtraError: If the library is not installed.
        TrainingError: If the device is another.
    """
    if pictures.device.type not in {"cpu", "cuda"}:
        raise TrainingError(f"attacks run on a CPU or an NVIDIA GPU, not on {pictures.device}")
    check_attack(how)
    if not len(pictures):
        return pictures
    gpus = [pictures.device] if pictures.is_cuda else []
    with _held(model), torch.enable_grad(), numpy_seeded(seed), torch.random.fork_rng(gpus):
        if how.method == "autoattack":
            return _autoattack(model, pictures, labels, how.epsilon, seed)
        return _gradient_attack(model, pictures, labels, how)


def check_attack(how: Attack) -> None:
    """Raise MissingExtraError if the library for an attack is not installed."""
    _autoattack_library() if how.method == "autoattack" else _toolbox()


def _gradient_attack(model: nn.Module, pictures: Tensor, labels: Tensor, how: Attack) -> Tensor:
    """Run FGSM or PGD."""
    attacks, classification = _toolbox()
    estimator = classification.PyTorchClassifier(
        model,
        nn.CrossEntropyLoss(),
        input_shape=tuple(pictures.shape[1:]),
        nb_classes=_count_classes(model, pictures),
        clip_values=(0.0, 1.0),
        device_type="gpu" if pictures.is_cuda else "cpu",
    )
    batch = {"eps": how.epsilon, "batch_size": len(pictures)}
    if how.method == "fgsm":
        method = attacks.FastGradientMethod(estimator, **batch)
    else:
        method = attacks.ProjectedGradientDescentPyTorch(
            estimator,
            eps_step=_STRIDE * how.epsilon / how.steps,
            max_iter=how.steps,
            num_random_init=1,
            verbose=False,
            **batch,
        )
    attacked = method.generate(pictures.cpu().numpy(), labels.cpu().numpy())
    return torch.from_numpy(attacked).to(pictures.device)


def _autoattack(
    model: nn.Module, pictures: Tensor, labels: Tensor, epsilon: float, seed: int
) -> Tensor:
    """Run APGD-CE, targeted APGD-DLR, targeted FAB and Square, each on what is left."""
    classes = _count_classes(model, pictures)
    ensemble = _autoattack_library().AutoAttack(
        model, eps=epsilon, seed=seed, device=pictures.device
    )
    targets = min(_TARGETS, classes - 1)
    ensemble.apgd_targeted.n_target_classes = ensemble.fab.n_target_classes = targets
    if classes < 4:  # the targeted DLR loss compares four logits, the untargeted one three
        untargeted = ["apgd-dlr"] if classes == 3 else []
        ensemble.attacks_to_run = ["apgd-ce", *untargeted, "fab-t", "square"]
    tracer = sys.gettrace()
    try:
        attacked, _ = ensemble.run_standard_evaluation(pictures, labels, batch_size=len(pictures))
    finally:
        sys.settrace(tracer)  # the library sets a tracer of its own, and then none
    return attacked


def _count_classes(model: nn.Module, pictures: Tensor) -> int:
    with torch.no_grad():
        return int(model(pictures[:1]).shape[1])


@contextmanager
def _held(model: nn.Module) -> Iterator[None]:
    """Put a model in `eval()` without gradients of its parameters, then back as it was."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(each, each.requires_grad, each.grad) for each in model.parameters()]
    model.eval()
    model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, wanted, gradient in gradients:
            parameter.requires_grad_(wanted)
            parameter.grad = gradient
        for module, training in modes:
            module.training = training


def _toolbox() -> tuple[Any, Any]:
    """Import the Adversarial Robustness Toolbox, which takes seconds."""
    try:
        from art.attacks import evasion
        from art.estimators import classification
    except ModuleNotFoundError as error:
        raise MissingExtraError("attacking a model", "proof") from error
    return evasion, classification


def _autoattack_library() -> Any:
    try:
        import pyautoattack
    except ModuleNotFoundError as error:
        raise MissingExtraError("AutoAttack", "proof") from error
    return pyautoattack


def _levels(epsilon: float) -> str:
    return f"{epsilon * 255:g}/255"
