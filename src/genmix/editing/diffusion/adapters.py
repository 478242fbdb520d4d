"""What differs between the pipelines of diffusers: how words are encoded, what a call takes.

An adapter encodes a prompt once, to tensors for one picture; a batch stacks them. None of them
draws: that is the generators' work, one a picture.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from diffusers import LCMScheduler

from genmix.editing.diffusion.settings import Sampling
from genmix.errors import EditorError

_MOST_IMAGE_STRENGTH = 0.7
"""Of image-to-image at strength 1: noise beyond it hides where things are in the photo."""


class Adapter(ABC):
    """One kind of pipeline.

    Attributes:
        multiple: What the sides of a picture must be multiples of.
        sides: Shortest and longest side at which the model works well, in pixels.
        as_pictures: Whether the pipeline wants PIL pictures and the words themselves.
    """

    as_pictures = False

    def __init__(self, pipe: Any, sampling: Sampling, strength: float, negative: str) -> None:
        self._pipe = pipe
        self._sampling = sampling
        self._strength = strength
        self._negative = negative

    @property
    def multiple(self) -> int:
        """What the sides of a picture must be multiples of."""
        return int(self._pipe.vae_scale_factor)

    @property
    def sides(self) -> tuple[int, int]:
        """Shortest and longest side at which the model works well."""
        native = int(self._pipe.unet.config.sample_size) * int(self._pipe.vae_scale_factor)
        return native, native

    @abstractmethod
    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:
        """Encode a prompt: tensors of 1 x … by the name of the argument that takes them."""

    @abstractmethod
    def arguments(self, height: int, width: int, count: int) -> dict[str, Any]:
        """Return the other arguments of a call for so many pictures."""

    @property
    def _guidance(self) -> float:
        """The guidance, nearer to none (1) the lower the strength."""
        return 1 + (self._sampling.guidance - 1) * self._strength


class InstructPix2Pix(Adapter):
    """InstructPix2Pix (arXiv 2211.09800): trained at 256 pixels, used up to 512 and beyond."""

    @property
    def sides(self) -> tuple[int, int]:
        """Shortest and longest side at which the model works well."""
        native = super().sides[0]
        return native // 2, native * 3 // 2

    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:
        """See `Adapter`."""
        return {
            "prompt_embeds": self._clip(text, device),
            "negative_prompt_embeds": self._clip(self._negative, device),
        }

    def arguments(self, height: int, width: int, count: int) -> dict[str, Any]:  # noqa: ARG002
        """See `Adapter`."""
        return {
            "num_inference_steps": self._sampling.steps,
            "guidance_scale": self._guidance,
            "image_guidance_scale": self._sampling.image_guidance,
        }

    def _clip(self, text: str, device: torch.device) -> torch.Tensor:
        """Encode as the pipeline does, which has no public way to do it once for many calls."""
        tokenizer, encoder = self._pipe.tokenizer, self._pipe.text_encoder
        words = tokenizer(
            text,
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        masked = getattr(encoder.config, "use_attention_mask", False)
        mask = words.attention_mask.to(device) if masked else None
        encoded: torch.Tensor = encoder(words.input_ids.to(device), attention_mask=mask)[0]
        return encoded.to(encoder.dtype)


class InstructPix2PixXL(Adapter):
    """SDXL InstructPix2Pix, and CosXL Edit, which differ in their own configuration."""

    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:
        """See `Adapter`."""
        return _encode_xl(self._pipe, text, self._negative, device)

    def arguments(self, height: int, width: int, count: int) -> dict[str, Any]:  # noqa: ARG002
        """See `Adapter`."""
        return {
            "height": height,
            "width": width,
            "num_inference_steps": self._sampling.steps,
            "guidance_scale": self._guidance,
            "image_guidance_scale": self._sampling.image_guidance,
        }


class ImageToImage(Adapter):
    """Image-to-image of Stable Diffusion, few-step models among them.

    Strength is how much noise the photo gets, and so how much of it is drawn anew.
    """

    @property
    def sides(self) -> tuple[int, int]:
        """Shortest and longest side at which the model works well."""
        native = super().sides[0]
        return native, native * 3 // 2

    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:
        """See `Adapter`."""
        names = ("prompt_embeds", "negative_prompt_embeds")
        both = self._pipe.encode_prompt(text, device, 1, True, self._negative)
        return dict(zip(names, both, strict=True))

    def arguments(self, height: int, width: int, count: int) -> dict[str, Any]:  # noqa: ARG002
        """See `Adapter`.

        Raises:
            EditorError: If the scheduler has fewer steps for the strength than are asked. Making
                fewer instead would make pictures of which the fingerprint is not true.
        """
        strength = _MOST_IMAGE_STRENGTH * self._strength
        most = int(_most_steps(self._pipe.scheduler) * strength)
        if self._sampling.steps > most:
            or_fewer = f"set steps={most}, or " if most else ""
            raise EditorError(
                f"at strength {self._strength:g} the model's scheduler has {most} steps, and "
                f"{self._sampling.steps} are asked: {or_fewer}give a greater strength"
            )
        return {
            # The pipeline leaves out the steps that the photo skips.
            "num_inference_steps": math.ceil(self._sampling.steps / strength),
            "strength": strength,
            "guidance_scale": self._sampling.guidance,
        }


class ImageToImageXL(ImageToImage):
    """Image-to-image of SDXL."""

    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:
        """See `Adapter`."""
        return _encode_xl(self._pipe, text, self._negative, device)


class Kontext(Adapter):
    """FLUX.1 Kontext (arXiv 2506.15742); its guidance is an input of the model."""

    @property
    def multiple(self) -> int:
        """What the sides of a picture must be multiples of."""
        return 2 * int(self._pipe.vae_scale_factor)

    @property
    def sides(self) -> tuple[int, int]:
        """Shortest and longest side at which the model works well."""
        native = int(self._pipe.default_sample_size) * int(self._pipe.vae_scale_factor)
        return native, native

    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:
        """See `Adapter`."""
        words, pooled, _ = self._pipe.encode_prompt(prompt=text, prompt_2=None, device=device)
        return {"prompt_embeds": words, "pooled_prompt_embeds": pooled}

    def arguments(self, height: int, width: int, count: int) -> dict[str, Any]:  # noqa: ARG002
        """See `Adapter`."""
        return {
            "height": height,
            "width": width,
            "max_area": height * width,
            "_auto_resize": False,
            "num_inference_steps": self._sampling.steps,
            "guidance_scale": self._guidance,
        }


class QwenEdit(Adapter):
    """Qwen-Image-Edit (arXiv 2508.02324); it reads words and photo together, so nothing is kept."""

    as_pictures = True

    @property
    def multiple(self) -> int:
        """What the sides of a picture must be multiples of."""
        return 2 * int(self._pipe.vae_scale_factor)

    @property
    def sides(self) -> tuple[int, int]:
        """Shortest and longest side at which the model works well."""
        native = int(self._pipe.default_sample_size) * int(self._pipe.vae_scale_factor)
        return native, native

    def encode(self, text: str, device: torch.device) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """See `Adapter`."""
        return {}

    def arguments(self, height: int, width: int, count: int) -> dict[str, Any]:
        """See `Adapter`."""
        return {
            "height": height,
            "width": width,
            "num_inference_steps": self._sampling.steps,
            "true_cfg_scale": self._guidance,
            "negative_prompt": [self._negative or " "] * count,
        }


ADAPTERS: dict[str, type[Adapter]] = {
    "StableDiffusionInstructPix2PixPipeline": InstructPix2Pix,
    "StableDiffusionXLInstructPix2PixPipeline": InstructPix2PixXL,
    "StableDiffusionImg2ImgPipeline": ImageToImage,
    "StableDiffusionXLImg2ImgPipeline": ImageToImageXL,
    "FluxKontextPipeline": Kontext,
    "QwenImageEditPipeline": QwenEdit,
}
"""By the class of `Kind.pipeline`."""


def _most_steps(scheduler: Any) -> int:
    """Return into how many steps a scheduler can cut the way from noise to picture."""
    few = isinstance(scheduler, LCMScheduler)  # it takes steps of those that it was distilled to
    key = "original_inference_steps" if few else "num_train_timesteps"
    return int(scheduler.config[key])


def _encode_xl(
    pipe: Any, text: str, negative: str, device: torch.device
) -> dict[str, torch.Tensor]:
    names = (
        "prompt_embeds",
        "negative_prompt_embeds",
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    )
    encoded = pipe.encode_prompt(
        text,
        device=device,
        num_images_per_prompt=1,
        do_classifier_free_guidance=True,
        negative_prompt=negative or None,  # none at all is zeros, where the model asks for them
    )
    return dict(zip(names, encoded, strict=True))
