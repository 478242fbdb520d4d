"""What a training starts from, as it is named; how it is loaded lives in `genmix.networks`."""

from typing import Literal, TypeAlias

Weights: TypeAlias = Literal["scratch", "fine-tune", "linear-probe"]
