"""Tiny diffusion pipelines of the real classes, with random weights, saved as real ones are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxKontextPipeline,
    FluxTransformer2DModel,
    PNDMScheduler,
    QwenImageEditPipeline,
    QwenImageTransformer2DModel,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from peft import LoraConfig, get_peft_model_state_dict
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

_WIDTH = 32
_BYTES = sorted(ByteLevel.alphabet())


def pix2pix(folder: Path) -> None:
    """InstructPix2Pix with the scheduler's real configuration."""
    _save(
        folder,
        StableDiffusionInstructPix2PixPipeline,
        vae=_vae(),
        text_encoder=CLIPTextModel(_clip_config()),
        tokenizer=_clip_tokenizer(),
        unet=_unet(8, _WIDTH),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def refusing(folder: Path) -> None:
    """InstructPix2Pix with a safety checker that refuses every picture."""
    pix2pix(folder)
    pipe: Any = StableDiffusionInstructPix2PixPipeline.from_pretrained(folder)
    vision = {
        "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 16, "patch_size": 8,
    }  # fmt: skip
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=8))
    checker.concept_embeds_weights.data.fill_(-2)  # less than any cosine
    pipe.register_modules(
        safety_checker=checker,
        feature_extractor=CLIPImageProcessor(
            size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
        ),
    )
    pipe.register_to_config(requires_safety_checker=True)
    pipe.save_pretrained(folder)


def pix2pix_xl(folder: Path) -> None:
    """SDXL InstructPix2Pix."""
    _save(folder, StableDiffusionXLInstructPix2PixPipeline, **_xl_parts(8))


def cosxl(folder: Path) -> None:
    """CosXL Edit: the same class, its own scheduler and scaling."""
    parts = _xl_parts(8) | {
        "scheduler": EDMEulerScheduler(
            sigma_min=0.002, sigma_max=120.0, sigma_data=1.0, prediction_type="v_prediction"
        ),
        "is_cosxl_edit": True,
    }
    _save(folder, StableDiffusionXLInstructPix2PixPipeline, **parts)


def image_to_image(folder: Path) -> None:
    """Stable Diffusion, as few-step models ship it."""
    _save(
        folder,
        StableDiffusionImg2ImgPipeline,
        vae=_vae(),
        text_encoder=CLIPTextModel(_clip_config()),
        tokenizer=_clip_tokenizer(),
        unet=_unet(4, _WIDTH),
        scheduler=_euler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def turbo_xl(folder: Path) -> None:
    """SDXL as SDXL Turbo ships it: its index names the class that draws from words alone."""
    parts = _xl_parts(4)
    _save(folder, StableDiffusionXLImg2ImgPipeline, **parts)
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionXLPipeline"
    (folder / "model_index.json").write_text(json.dumps(index))


def kontext(folder: Path) -> None:
    """FLUX.1 Kontext."""
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=_WIDTH,
        pooled_projection_dim=_WIDTH,
        axes_dims_rope=[4, 4, 8],
        guidance_embeds=True,
    )
    t5 = T5Config(
        vocab_size=300, d_model=_WIDTH, d_ff=37, d_kv=8, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu",
    )  # fmt: skip
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    words += [(chr(code), -3.0) for code in range(33, 127)]
    _save(
        folder,
        FluxKontextPipeline,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_vae(latent_channels=4, shift_factor=0.0609, scaling_factor=1.5035),
        text_encoder=CLIPTextModel(_clip_config()),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=T5Tokenizer(vocab=words, extra_ids=0),
        transformer=transformer,
    )


def qwen(folder: Path) -> None:
    """Qwen-Image-Edit."""
    torch.manual_seed(0)
    special = [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
        "<|image_pad|>", "<|video_pad|>",
    ]  # fmt: skip
    vocab = {token: k for k, token in enumerate(_BYTES + special)}
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=[], additional_special_tokens=special)
    vision: dict[str, Any] = {"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
    pixels = {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 16}
    processor = Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=pixels, **vision),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**vision),
    )
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": _WIDTH, "intermediate_size": 37, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": len(vocab),
            "rope_parameters": {
                "mrope_section": [2, 2, 4], "rope_type": "default", "rope_theta": 1e6,
            },
        },
        vision_config={
            "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
            "out_hidden_size": _WIDTH, "fullatt_block_indexes": [1],
        },
        image_token_id=vocab["<|image_pad|>"],
        video_token_id=vocab["<|video_pad|>"],
        vision_start_token_id=vocab["<|vision_start|>"],
        vision_end_token_id=vocab["<|vision_end|>"],
    )  # fmt: skip
    vae = AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        temperal_downsample=[False, True, True], latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=_WIDTH, axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    _save(
        folder,
        QwenImageEditPipeline,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=Qwen2_5_VLForConditionalGeneration(config),
        tokenizer=tokenizer,
        processor=processor,
        transformer=transformer,
    )


MAKERS: dict[str, Callable[[Path], None]] = {
    maker.__name__: maker
    for maker in (pix2pix, pix2pix_xl, cosxl, image_to_image, turbo_xl, kontext, qwen)
}


def save_lora(pipe: Any, file: Path, seed: int = 0) -> None:
    """Save random LoRA weights that fit a pipeline."""
    torch.manual_seed(seed)
    pipe.unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    layers = get_peft_model_state_dict(pipe.unet)
    pipe.save_lora_weights(file.parent, unet_lora_layers=layers, weight_name=file.name)
    pipe.unet.delete_adapters("default")


def _save(folder: Path, kind: Any, **parts: Any) -> None:
    kind(**parts).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A tiny model\n")


def _xl_parts(channels: int) -> dict[str, Any]:
    tokenizer = _clip_tokenizer()
    return {
        "vae": _vae(),
        "text_encoder": CLIPTextModel(_clip_config()),
        "text_encoder_2": CLIPTextModelWithProjection(_clip_config()),
        "tokenizer": tokenizer,
        "tokenizer_2": tokenizer,
        "unet": _unet(
            channels,
            2 * _WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=_WIDTH + 6 * 8,
        ),
        "scheduler": _euler(),
    }


def _euler() -> EulerDiscreteScheduler:
    return EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        timestep_spacing="trailing", steps_offset=1,
    )  # fmt: skip


def _unet(channels: int, words: int, **more: Any) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=16, in_channels=channels, out_channels=4, layers_per_block=1,
        block_out_channels=(16, 32), norm_num_groups=8, cross_attention_dim=words,
        attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **more,
    )  # fmt: skip


def _vae(**more: Any) -> AutoencoderKL:
    torch.manual_seed(0)
    return AutoencoderKL(
        block_out_channels=[8, 16],
        norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        **{"latent_channels": 4, **more},
    )


def _clip_config() -> CLIPTextConfig:
    torch.manual_seed(0)
    return CLIPTextConfig(
        vocab_size=600, hidden_size=_WIDTH, intermediate_size=37, num_hidden_layers=2,
        num_attention_heads=4, projection_dim=_WIDTH, bos_token_id=512, eos_token_id=513,
        pad_token_id=513,
    )  # fmt: skip


def _clip_tokenizer() -> CLIPTokenizer:
    """Make CLIP's tokenizer with letters for words: a real vocabulary, but without merges."""
    letters = _BYTES + [f"{letter}</w>" for letter in _BYTES] + ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: k for k, token in enumerate(letters)}, merges=[], model_max_length=77
    )
