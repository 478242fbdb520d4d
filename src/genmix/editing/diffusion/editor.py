"""The editor `diffusers:…`: batches of photos, each with its own prompt and seed, on one device."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image as PilImage

from genmix.editing.diffusion.adapters import ADAPTERS, Adapter
from genmix.editing.diffusion.batching import Batcher
from genmix.editing.diffusion.loading import choose_device, choose_dtype, load
from genmix.editing.diffusion.lora import find_lora
from genmix.editing.diffusion.model import find_model
from genmix.editing.diffusion.settings import DiffusionSettings
from genmix.editing.editor import Settings
from genmix.errors import EditorError
from genmix.images import Image, resize
from genmix.prompts import Prompt
from genmix.validation import validate

REVISION = 1
"""Raised whenever the same model and settings come to another picture."""

_MOST_AT_ONCE = 16
"""Pictures of a call when the size of a batch is found out: enough to fill a large GPU."""

_KEPT_PROMPTS = 64


class DiffusionEditor:
    """Edits pictures with a pre-trained diffusion model.

    A picture depends on its own photo, prompt and seed: each has a generator of its own, and
    batches agree with single pictures to the device's rounding. The model is loaded at the first
    edit.

    Attributes:
        strength: How far to go from the original, in (0, 1].
        settings: The user's.
        model: Which model.
        batch_size: How many pictures a call takes best.
        overlap: That photos are best read while others are edited.
    """

    overlap = True

    def __init__(self, model: str, strength: float = 1.0, settings: Settings | None = None) -> None:
        """Find the model and check the settings; see `genmix.editing.diffusion.from_name`."""
        if not 0 < strength <= 1:
            raise EditorError(
                f"the strength is {strength}: give a number greater than 0, and 1 at most"
            )
        self.strength = float(strength)
        self.settings = validate(
            dict(settings or {}), DiffusionSettings, EditorError, "the settings of 'diffusers'"
        )
        self._device = choose_device(self.settings.device)
        self.model = find_model(model)
        self._sampling = self.model.kind.sampling(self.settings)
        lora = self.settings.lora
        self._lora = None if lora is None else find_lora(lora, self.settings.lora_file)
        self._check_settings()
        chosen = self.settings.batch_size
        if chosen == "auto":
            self.batch_size = 1 if self._device.type == "cpu" else _MOST_AT_ONCE
        else:
            self.batch_size = chosen
        first = 1 if chosen == "auto" else chosen
        self._batches = Batcher(first, self.batch_size, self._device)

    @property
    def processes(self) -> int:
        """How many processes make sense: one a GPU."""
        fixed = self.settings.device not in {"auto", "cuda"}
        return 1 if fixed else max(1, torch.cuda.device_count())

    @property
    def fingerprint(self) -> str:
        """Everything that the result depends on beside image, prompt and seed."""
        model = self.model
        name = f"{model.name}@{model.commit}" if model.commit else model.revision
        values = " ".join(f"{key}={value}" for key, value in self._drawing().items())
        return f"diffusers:{name} {values} adapter={REVISION} diffusers={diffusers.__version__}"

    @property
    def about(self) -> dict[str, str]:
        """What to tell people who get the pictures."""
        settings = ", ".join(f"{key} {value}" for key, value in self._drawing().items())
        return {
            "model": self.model.name,
            "revision": self.model.revision,
            "licence of the model": self.model.licence or "unknown",
            "safety": self._safety,
            "settings": settings,
            "software": f"diffusers {diffusers.__version__}",
        }

    @property
    def licence(self) -> str | None:
        """The licence of the model, as its card states it."""
        return self.model.licence

    @property
    def refuses(self) -> bool:
        """Whether the model's own safety checker turns pictures that it refuses all black."""
        return self.model.checker and self.settings.safety

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Accept any prompt; see `Editor`."""

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        """Edit each image by the prompt and the seed of the same position; see `Editor`."""
        jobs = list(zip(images, prompts, seeds, strict=True))
        edits: list[Image | None] = [None] * len(jobs)
        for shape in sorted({image.shape for image in images}):
            mine = [k for k, image in enumerate(images) if image.shape == shape]
            made = self._batches.run(self._edit_batch, [jobs[k] for k in mine])
            for k, edit in zip(mine, made, strict=True):
                edits[k] = edit
        return [edit for edit in edits if edit is not None]

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline of diffusers, loaded when first needed."""
        return load(self.model, self._lora, self.settings, self._sampling.scheduler, self._device)

    def work_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which the model works on a picture of this size."""
        low, high = self._adapter.sides
        side = self.settings.size or min(max(height, width, low), high)
        scale, step = side / max(height, width), self._adapter.multiple
        fitting = [max(step, round(x * scale / step) * step) for x in (height, width)]
        return fitting[0], fitting[1]

    @cached_property
    def _adapter(self) -> Adapter:
        adapter = ADAPTERS[self.model.kind.pipeline]
        return adapter(self.pipeline, self._sampling, self.strength, self.settings.negative_prompt)

    def _edit_batch(self, jobs: Sequence[tuple[Image, Prompt, int]]) -> list[Image]:
        """Edit pictures of one size together."""
        height, width = jobs[0][0].shape[:2]
        size = self.work_size(height, width)
        photos = np.stack([resize(image, *size) for image, _, _ in jobs])
        texts = [getattr(prompt, self._wording) for _, prompt, _ in jobs]
        arguments = self._adapter.arguments(*size, len(jobs)) | self._conditions(photos, texts)
        with torch.inference_mode():
            made = self.pipeline(
                **arguments,
                generator=[torch.Generator().manual_seed(seed) for _, _, seed in jobs],
                output_type="pt",
            ).images
            # Half precision may overflow to no number at all: grey, as black is what was refused.
            levels = (made.float().nan_to_num(0.5).clamp(0, 1) * 255).round().to(torch.uint8)
            edits = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return [resize(edit, height, width) for edit in edits]

    def _conditions(self, photos: Image, texts: Sequence[str]) -> dict[str, Any]:
        """Return the photos (N x H x W x 3) and the words as the pipeline takes them."""
        if self._adapter.as_pictures:
            return {"image": [PilImage.fromarray(p) for p in photos], "prompt": list(texts)}
        encoded = [self._encode(text) for text in texts]
        stacked = {name: torch.cat([one[name] for one in encoded]) for name in encoded[0]}
        # [0, 1]: the pipelines normalise for themselves.
        pixels = torch.from_numpy(photos).permute(0, 3, 1, 2).to(torch.float32) / 255
        return {"image": pixels, **stacked}

    @cached_property
    def _encode(self) -> Any:
        """Encode a prompt once, and keep it on the device."""

        @lru_cache(maxsize=_KEPT_PROMPTS)
        def encode(text: str) -> dict[str, torch.Tensor]:
            with torch.no_grad():
                return self._adapter.encode(text, self._device)

        return encode

    @property
    def _safety(self) -> str:
        if not self.model.checker:
            return "the model has no checker of its own"
        return "checked by the model itself" if self.refuses else "the model's checker is off"

    @property
    def _wording(self) -> str:
        return "instruction" if self.model.kind.follows == "instruction" else "prompt"

    def _drawing(self) -> dict[str, Any]:
        """Everything of the settings that a picture depends on."""
        chosen, sampling = self.settings, self._sampling
        extra = {
            "negative": repr(chosen.negative_prompt) if chosen.negative_prompt else None,
            "lora": f"{self._lora.revision}x{chosen.lora_scale}" if self._lora else None,
            "size": chosen.size,
            "vae_tiling": chosen.vae_tiling or None,
        }
        return {
            "pipeline": self.model.kind.pipeline,
            "scheduler": sampling.scheduler or "own",
            "steps": sampling.steps,
            "guidance": sampling.guidance,
            **(
                {}
                if sampling.image_guidance is None
                else {"image_guidance": sampling.image_guidance}
            ),
            "strength": self.strength,
            "dtype": choose_dtype(chosen, self.model, self._device),
            "safety": "on" if chosen.safety else "off",
            **{key: value for key, value in extra.items() if value is not None},
        }

    def _check_settings(self) -> None:
        kind = self.model.kind
        if self.settings.negative_prompt and not kind.negatives:
            raise EditorError(f"{kind.pipeline} takes no negative_prompt: leave it out")
        preset = kind.presets[self.settings.preset]
        if self.settings.image_guidance is not None and preset.image_guidance is None:
            raise EditorError(f"{kind.pipeline} has no image_guidance: leave it out")
