"""Opening the encoder of an audit; the one module of this room that needs torch."""

import torch

from genmix.networks.models import LITE0, create_model
from genmix.screening.encoders import Encoder, open_encoder

__all__ = ["Encoder", "open_for_audit"]


def open_for_audit(name: str | None = None) -> Encoder:
    """Open an encoder whose features hold what a picture looks like as well as what it shows.

    Args:
        name: As `genmix.screening.encoders.open_encoder` takes it; when left out, or
            "efficientnet_lite0", EfficientNet-Lite0, whose weights come in a package. Its pooled
            features are taken, not those of the screens, in which the style is taken off.

    Raises:
        ScreenError: If there is no such encoder, or its weights cannot be had.
        MissingExtraError: If the weights of EfficientNet-Lite0 are not installed.
    """
    if name not in {None, LITE0}:
        return open_encoder(str(name))
    # Of another size than the screens' Lite0, so that their cached features are never mixed up.
    with torch.random.fork_rng(devices=[]):  # the last layer is drawn, and not used
        network = create_model(LITE0, ("none", "nothing"), size=_SIZE, pretrained=True)
    return Encoder(_POOLED, network)


_POOLED = f"{LITE0}, pooled"
_SIZE = 192
