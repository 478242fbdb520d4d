"""Loading: from a model that was found to a pipeline that is ready on its device.

Weights are only ever read from safetensors, and no code that comes with a model is run.
"""

from typing import Any

import diffusers
import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from genmix.editing.diffusion.lora import Lora, melt
from genmix.editing.diffusion.model import Model, explained
from genmix.editing.diffusion.settings import DiffusionSettings, DType, Scheduler
from genmix.errors import EditorError
from genmix.processes import worker_number

_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}

_SCHEDULERS: dict[Scheduler, str] = {
    "euler-ancestral": "EulerAncestralDiscreteScheduler",
    "euler": "EulerDiscreteScheduler",
    "ddim": "DDIMScheduler",
    "dpmpp-2m": "DPMSolverMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
}


def choose_device(wanted: str) -> torch.device:
    """Choose where to work; worker processes take the GPUs in turn.

    Raises:
        EditorError: If this machine has no such device.
    """
    gpus = torch.cuda.device_count()
    if wanted == "auto" and gpus == 0:
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if wanted in {"auto", "cuda"} and gpus:
        return torch.device("cuda", worker_number() % gpus)
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise EditorError(
            f"the device is {wanted}, but PyTorch finds {gpus or 'no'} CUDA GPU here: install a "
            "PyTorch build for CUDA and a driver, or set device=cpu (slow)"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise EditorError("the device is mps, but this machine has none: set device=auto")
    return device


def choose_dtype(settings: DiffusionSettings, model: Model, device: torch.device) -> DType:
    """Choose the weights' precision: the model's own half on a GPU, float32 elsewhere."""
    if settings.dtype != "auto":
        return settings.dtype
    return "float32" if device.type == "cpu" else model.kind.half


def load(
    model: Model,
    lora: Lora | None,
    settings: DiffusionSettings,
    scheduler: Scheduler | None,
    device: torch.device,
) -> Any:
    """Load a pipeline and make it ready.

    Args:
        model: Which.
        lora: What is melted into it.
        settings: How.
        scheduler: The one to step with; None keeps the model's own.
        device: Where.

    Returns:
        The pipeline of `model.kind`.

    Raises:
        EditorError: If something is missing, does not fit, or the memory does not suffice.
    """
    be_quiet()
    without = {"safety_checker": None} if model.checker and not settings.safety else {}
    with explained(model.name):
        pipe = getattr(diffusers, model.kind.pipeline).from_pretrained(
            model.place,
            revision=model.commit,
            dtype=_DTYPES[choose_dtype(settings, model, device)],
            use_safetensors=True,
            **without,
        )
        if lora is not None:
            melt(pipe, lora, settings.lora_scale)
    if scheduler is not None:
        pipe.scheduler = _scheduler(scheduler, pipe.scheduler, model)
    pipe.set_progress_bar_config(disable=True)
    return _ready(pipe, settings, device)


def be_quiet() -> None:
    """Keep diffusers and transformers from writing between genmix's own lines."""
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def _scheduler(wanted: Scheduler, own: Any, model: Model) -> Any:
    """Make another scheduler of the configuration of the model's own."""
    kind = type(own).__name__
    if not model.kind.schedulers or kind.startswith(("EDM", "FlowMatch")):
        raise EditorError(
            f"the model '{model.name}' steps with its own {kind}, which no other scheduler "
            "replaces: leave out scheduler"
        )
    extra = {"algorithm_type": "dpmsolver++"} if wanted == "dpmpp-2m" else {}
    return getattr(diffusers, _SCHEDULERS[wanted]).from_config(own.config, **extra)


def _ready(pipe: Any, settings: DiffusionSettings, device: torch.device) -> Any:
    """Lay the pipeline out on its device as the settings ask."""
    if settings.attention == "slicing":
        pipe.enable_attention_slicing()
    elif settings.attention == "xformers":
        try:
            pipe.enable_xformers_memory_efficient_attention()
        except (ImportError, ValueError) as error:
            raise EditorError(
                "attention=xformers needs the package xformers and a CUDA GPU: leave it out, "
                "PyTorch's own attention is as fast"
            ) from error
    if settings.vae_slicing:
        pipe.vae.enable_slicing()
    if settings.vae_tiling:
        pipe.vae.enable_tiling()
    if settings.offload != "none" and device.type == "cpu":
        raise EditorError("offload keeps weights off a GPU, and there is none here: leave it out")
    if settings.offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif settings.offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.to(device)
    part = "unet" if hasattr(pipe, "unet") else "transformer"
    if settings.channels_last and part == "unet" and device.type == "cuda":
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
    if settings.compile:
        getattr(pipe, part).compile()
    return pipe
