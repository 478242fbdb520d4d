"""What a user may set of a diffusion editor, and what each kind of model does by preset.

Only plain values live here; `adapters` says what they mean to a pipeline.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Preset: TypeAlias = Literal["paper", "balanced", "fast"]
Scheduler: TypeAlias = Literal["euler-ancestral", "euler", "ddim", "dpmpp-2m", "unipc", "lcm"]
DType: TypeAlias = Literal["float16", "bfloat16", "float32"]


class DiffusionSettings(BaseModel):
    """A user's settings. What is left out follows from the preset, the model and the device.

    Attributes:
        preset: "paper" (many steps), "balanced" or "fast".
        steps: Denoising steps.
        guidance: How closely to follow the words; 1 is no guidance.
        image_guidance: How closely to keep to the photo, of models that have it.
        scheduler: How to step; the model's own when neither this nor the preset names one.
        negative_prompt: What not to draw, of models that take it.
        size: Longer side at which the model works, in pixels.
        dtype: Of the weights; half precision on a GPU, float32 elsewhere.
        lora: LoRA weights: a file, a folder or an id of the Hugging Face hub.
        lora_file: Which file of the folder or repository.
        lora_scale: How much of them.
        safety: Keep the model's own safety checker, if it has one.
        vae_tiling: Encode and decode in tiles: large pictures in little memory, faint seams.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        batch_size: Pictures that the device works on at once; "auto" finds out.
        attention: How attention is computed: PyTorch's own, in slices, or by xformers.
        channels_last: Memory layout that convolutions on a GPU are faster with.
        compile: Compile the denoiser: slow to start, then faster.
        vae_slicing: Encode and decode one picture at a time, to save memory.
        offload: Keep on the device only the part ("model") or layer ("sequential") at work.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Preset = "paper"
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance: Annotated[float, Field(ge=0, le=50)] | None = None
    image_guidance: Annotated[float, Field(ge=1, le=50)] | None = None
    scheduler: Scheduler | None = None
    negative_prompt: str = ""
    size: Annotated[int, Field(ge=16, le=4096)] | None = None
    dtype: Literal["auto"] | DType = "auto"
    lora: str | None = None
    lora_file: str | None = None
    lora_scale: Annotated[float, Field(ge=-4, le=4)] = 1.0
    safety: bool = True
    vae_tiling: bool = False

    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = "auto"
    attention: Literal["auto", "slicing", "xformers"] = "auto"
    channels_last: bool = True
    compile: bool = False
    vae_slicing: bool = False
    offload: Literal["none", "model", "sequential"] = "none"


@dataclass(frozen=True)
class Sampling:
    """How a picture is denoised.

    Attributes:
        steps: Steps that are really made.
        guidance: By the words.
        image_guidance: By the photo; None if the model has none.
        scheduler: None is the model's own.
    """

    steps: int
    guidance: float
    image_guidance: float | None = None
    scheduler: Scheduler | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of model, found by the pipeline's class that its folder names.

    Attributes:
        pipeline: diffusers' class that edits with it.
        presets: What each preset means.
        half: What half precision it was made for.
        follows: Whether it takes instructions, or captions of the wanted picture.
        schedulers: Whether other schedulers than its own fit.
        negatives: Whether it takes a negative prompt.
    """

    pipeline: str
    presets: dict[Preset, Sampling]
    half: DType = "float16"
    follows: Literal["instruction", "caption"] = "instruction"
    schedulers: bool = True
    negatives: bool = True

    def sampling(self, settings: DiffusionSettings) -> Sampling:
        """Return what the preset says, changed by what the user set."""
        preset = self.presets[settings.preset]
        own = {
            key: value
            for key in ("steps", "guidance", "image_guidance", "scheduler")
            if (value := getattr(settings, key)) is not None
        }
        return Sampling(**{**vars(preset), **own})


_PIX2PIX = Kind(
    "StableDiffusionInstructPix2PixPipeline",
    {
        "paper": Sampling(100, 4.0, 1.5, "euler-ancestral"),
        "balanced": Sampling(20, 4.0, 1.5, "dpmpp-2m"),
        "fast": Sampling(8, 4.0, 1.5, "unipc"),
    },
)
_PIX2PIX_XL = Kind(
    "StableDiffusionXLInstructPix2PixPipeline",
    {
        "paper": Sampling(100, 5.0, 1.5),
        "balanced": Sampling(20, 5.0, 1.5),
        "fast": Sampling(8, 5.0, 1.5),
    },
)
_IMAGE_TO_IMAGE: dict[Preset, Sampling] = {
    "paper": Sampling(50, 7.5),
    "balanced": Sampling(20, 7.5, None, "dpmpp-2m"),
    "fast": Sampling(4, 1.0),
}
_SD = Kind("StableDiffusionImg2ImgPipeline", _IMAGE_TO_IMAGE, follows="caption")
_SDXL = Kind("StableDiffusionXLImg2ImgPipeline", _IMAGE_TO_IMAGE, follows="caption")
_KONTEXT = Kind(
    "FluxKontextPipeline",
    {"paper": Sampling(28, 2.5), "balanced": Sampling(20, 2.5), "fast": Sampling(8, 2.5)},
    half="bfloat16",
    schedulers=False,
    negatives=False,
)
_QWEN = Kind(
    "QwenImageEditPipeline",
    {"paper": Sampling(50, 4.0), "balanced": Sampling(28, 4.0), "fast": Sampling(8, 1.0)},
    half="bfloat16",
    schedulers=False,
)

KINDS: dict[str, Kind] = {
    "StableDiffusionInstructPix2PixPipeline": _PIX2PIX,
    "StableDiffusionXLInstructPix2PixPipeline": _PIX2PIX_XL,
    "StableDiffusionPipeline": _SD,
    "StableDiffusionImg2ImgPipeline": _SD,
    "StableDiffusionXLPipeline": _SDXL,
    "StableDiffusionXLImg2ImgPipeline": _SDXL,
    "FluxKontextPipeline": _KONTEXT,
    "QwenImageEditPipeline": _QWEN,
}
"""By the class that a model's `model_index.json` names; one that draws from words alone edits by
its image-to-image sister, which has the same parts."""
