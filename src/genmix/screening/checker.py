"""The safety checker of a diffusion model, asked about the edits of any editor.

Needs the extra `diffusion`; `genmix.screening.opening` imports it when a recipe names a checker.
"""

import multiprocessing
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image as PilImage
from torch import Tensor, nn
from transformers import CLIPImageProcessor

from genmix.editing.diffusion.loading import be_quiet
from genmix.editing.diffusion.model import explained
from genmix.errors import EditorError, ScreenError
from genmix.images import Image
from genmix.networks.devices import worker_device
from genmix.networks.fingerprint import hash_tensors
from genmix.screening.asking import ask
from genmix.screening.kept import KeptRows, Rows

_CHECKER = "safety_checker"
_PROCESSOR = "feature_extractor"


class Checker:
    """Stable Diffusion's safety checker; its score is how far a picture is beyond its threshold.

    The checker compares what CLIP sees with 17 concepts, each with a threshold of its own, which
    three others lower (Rando et al., arXiv 2210.04610). Above 0 a pipeline turns a picture black.

    Attributes:
        limit: The greatest score that is kept.
        fingerprint: Of its weights.
    """

    limit = 0.0

    def __init__(self, network: Any, processor: Any) -> None:
        self._device = worker_device()
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._processor = processor
        self.fingerprint = hash_tensors(
            network.state_dict().items(), f"1 {processor.to_json_string()}"
        )
        self._kept = KeptRows(self.fingerprint)

    def scores(self, pictures: Sequence[Image]) -> list[float]:
        """Score each picture; see `SafetyJudge`."""
        ask_network = partial(ask, self._compute, self._device)
        return [round(float(row[0]), 3) for row in self._kept.of(pictures, ask_network)]

    def reason(self, score: float) -> str:
        """Say why; see `SafetyJudge`."""
        return f"{score:.3f} beyond the checker's threshold"

    @torch.inference_mode()
    def _compute(self, pictures: Sequence[Image]) -> Rows:
        """Return how far each is beyond the nearest threshold, N x 1; rounded as upstream."""
        shown = [PilImage.fromarray(picture) for picture in pictures]
        seen = self._processor(images=shown, return_tensors="pt").pixel_values.to(self._device)
        net = self._network
        embedded = net.visual_projection(net.vision_model(seen)[1])
        special = _cosines(embedded, net.special_care_embeds) - net.special_care_embeds_weights
        lowered = 0.01 * (special.round(decimals=3) > 0).any(dim=1, keepdim=True)
        concepts = _cosines(embedded, net.concept_embeds) - net.concept_embeds_weights
        margins = (concepts + lowered).round(decimals=3).amax(dim=1, keepdim=True)
        rows: Rows = margins.cpu().numpy()
        return rows


@lru_cache(maxsize=2)
def open_checker(model: str) -> Checker:
    """Open the safety checker of a diffusion model, once a process.

    Args:
        model: A folder that diffusers' `save_pretrained` wrote, or `<id>[@revision]` on the hub.

    Raises:
        ScreenError: If there is no such model, or it has no checker.
    """
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)  # the workers are the parallelism
    be_quiet()
    name, revision = _place(model)
    if Path(name).is_dir() and not Path(name, _CHECKER).is_dir():
        raise ScreenError(
            f"the model {model} has no {_CHECKER}: give one that has, such as InstructPix2Pix or "
            "Stable Diffusion 1.5"
        )
    try:
        with explained(name):
            network = StableDiffusionSafetyChecker.from_pretrained(
                name, subfolder=_CHECKER, revision=revision, use_safetensors=True
            )
            processor = CLIPImageProcessor.from_pretrained(
                name, subfolder=_PROCESSOR, revision=revision
            )
    except EditorError as error:
        raise ScreenError(f"the safety checker cannot be opened: {error}") from error
    return Checker(network, processor)


_NEWEST = "main"


def _place(model: str) -> tuple[str, str]:
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder), _NEWEST
    name, _, revision = model.partition("@")
    return name, revision or _NEWEST


def _cosines(pictures: Tensor, concepts: Tensor) -> Tensor:
    """Compare N x F with K x F: N x K."""
    return nn.functional.normalize(pictures) @ nn.functional.normalize(concepts).T
