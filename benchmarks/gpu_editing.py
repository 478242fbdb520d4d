"""Editing with InstructPix2Pix: the authors' way against genmix's, at full size: `make bench-gpu`.

The architecture is the real one, the weights are random, for speed does not depend on them and
nothing is downloaded; the pictures mean nothing. `--tiny` tries the script out on any machine.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from PIL import Image as PilImage
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from benchmarks.result import Result
from genmix.editing import open_editor
from genmix.images import Image
from genmix.prompts import load_library


@dataclass(frozen=True)
class Scale:
    """How large everything is.

    Attributes:
        size: Side of the pictures in pixels.
        pictures: How many are timed.
        steps: Of "paper", "balanced" and "fast".
        unet: Configuration of the denoiser.
        vae: Of the autoencoder.
        words: Of the text encoder.
    """

    size: int
    pictures: int
    steps: tuple[int, int, int]
    unet: dict[str, Any]
    vae: dict[str, Any]
    words: dict[str, Any]


FULL = Scale(
    512,
    32,
    (100, 20, 8),
    {
        "sample_size": 64,
        "block_out_channels": (320, 640, 1280, 1280),
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    {
        "block_out_channels": (128, 256, 512, 512),
        "layers_per_block": 2,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "sample_size": 512,
    },
    {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
     "num_attention_heads": 12, "vocab_size": 49408},
)  # fmt: skip
"""That of `timbrooks/instruct-pix2pix`."""

TINY = Scale(
    32,
    4,
    (4, 2, 1),
    {
        "sample_size": 16,
        "block_out_channels": (16, 32),
        "norm_num_groups": 8,
        "cross_attention_dim": 32,
        "attention_head_dim": 4,
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    },
    {
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    },
    {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2,
     "num_attention_heads": 4, "vocab_size": 600},
)  # fmt: skip


def run(scale: Scale, device: torch.device, *, compiled: bool) -> Iterator[Result]:
    """Time each way on the same pictures, each after a warm-up."""
    rng = np.random.default_rng(0)
    shape = (scale.pictures, scale.size, scale.size, 3)
    photos = list(rng.integers(0, 256, shape, dtype=np.uint8))
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        _build(scale, device).save_pretrained(model)
        rate, memory = _timed(_authors(model, scale, device), photos[: max(1, len(photos) // 8)])
        first = rate
        yield Result(f"the authors' way, {scale.steps[0]} steps", _said(rate, memory))
        presets = zip(("paper", "balanced", "fast"), scale.steps, ("4 x", "", "25 x"), strict=True)
        for preset, steps, aim in presets:
            rate, memory = _timed(
                _ours(model, scale, device, preset, steps, compiled=compiled), photos
            )
            what = f"genmix, {preset}, {steps} steps{', compiled' if compiled else ''}"
            yield Result(what, _said(rate, memory), f"{rate / first:.1f} x", aim)


def _build(scale: Scale, device: torch.device) -> Any:
    """Build the pipeline with random weights, in half precision on a GPU."""
    letters = sorted(ByteLevel.alphabet())
    vocab = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    )
    torch.manual_seed(0)
    with device:
        pipe: Any = StableDiffusionInstructPix2PixPipeline(
            vae=AutoencoderKL(**scale.vae),
            text_encoder=CLIPTextModel(
                CLIPTextConfig(**scale.words, bos_token_id=512, eos_token_id=513, pad_token_id=513)
            ),
            tokenizer=CLIPTokenizer(
                vocab={token: k for k, token in enumerate(vocab)}, merges=[], model_max_length=77
            ),
            unet=UNet2DConditionModel(in_channels=8, out_channels=4, **scale.unet),
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    return pipe.to(dtype=torch.float16) if device.type == "cuda" else pipe


def _authors(model: Path, scale: Scale, device: torch.device) -> Callable[[list[Image]], None]:
    """One picture a call, half precision, guidance 4, as the published code does it."""
    half = torch.float16 if device.type == "cuda" else torch.float32
    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(model, dtype=half).to(device)
    pipe.set_progress_bar_config(disable=True)
    prompts = load_library("classification").prompts

    def edit(photos: list[Image]) -> None:
        for k, photo in enumerate(photos):
            pipe(
                prompts[k % len(prompts)].prompt,
                image=PilImage.fromarray(photo),
                num_inference_steps=scale.steps[0],
                guidance_scale=4,
            )

    return edit


def _ours(
    model: Path, scale: Scale, device: torch.device, preset: str, steps: int, *, compiled: bool
) -> Callable[[list[Image]], None]:
    settings = {
        "preset": preset, "steps": steps, "device": str(device), "size": scale.size,
        "compile": compiled,
    }  # fmt: skip
    editor = open_editor(f"diffusers:{model}", settings=settings)
    prompts = load_library("classification").prompts

    def edit(photos: list[Image]) -> None:
        asked = [prompts[k % len(prompts)] for k in range(len(photos))]
        for start in range(0, len(photos), editor.batch_size):
            end = start + editor.batch_size
            editor.edit(photos[start:end], asked[start:end], range(start, min(end, len(photos))))

    return edit


def _timed(edit: Callable[[list[Image]], None], photos: list[Image]) -> tuple[float, int]:
    """Return pictures a second and peak bytes on the GPU; the warm-up finds the batch, too."""
    edit(photos)
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    edit(photos)
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return len(photos) / seconds, torch.cuda.max_memory_allocated() if cuda else 0


def _said(rate: float, memory: int) -> str:
    return f"{rate:.2f} /s" + (f", {memory / 1e9:.1f} GB" if memory else "")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tiny", action="store_true", help="a tiny model, on the CPU")
    parser.add_argument("--compile", action="store_true", help="compile the denoiser")
    chosen = parser.parse_args()
    if not chosen.tiny and not torch.cuda.is_available():
        parser.error("the full size needs a CUDA GPU; --tiny tries the script out on a CPU")
    if chosen.tiny:
        torch.set_num_threads(1)  # threads would only wait for one another
    device = torch.device("cpu" if chosen.tiny else "cuda:0")
    name = "a CPU, tiny" if chosen.tiny else torch.cuda.get_device_name(device)
    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    scale = TINY if chosen.tiny else FULL
    table = Table(box=SIMPLE_HEAD, title=f"{scale.size}² on {name}, {versions}")
    for column in ("what", "measured", "ratio", "aim"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for result in run(scale, device, compiled=chosen.compile):
        table.add_row(result.what, result.measured, result.ratio, result.aim)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
