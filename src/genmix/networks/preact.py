"""PreAct-ResNet-18, the usual network for pictures of 32 to 64 pixels, without its last layer."""

from itertools import pairwise

import torch
from torch import Tensor, nn

_WIDENS = (1, 1, 2, 4, 8)
"""Channels of the stem and of each stage, as multiples of the stem's."""


class PreActResNet18(nn.Module):
    """Pictures, normalised, N x 3 x H x W, to features N x 8 `width`.

    The 18-layer residual network with pre-activation (He et al. 2016, arXiv 1603.05027, figure 4e),
    with the stem for small pictures of the first residual networks (arXiv 1512.03385, section 4.2):
    a 3 x 3 convolution, no pooling.
    """

    def __init__(self, width: int = 64) -> None:
        """Make it, with `width` channels in the stem."""
        super().__init__()
        widths = [width * times for times in _WIDENS]
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        blocks: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            blocks += [_Block(before, after, 1 if stage == 0 else 2), _Block(after, after, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(widths[-1])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute the features."""
        return torch.relu(self.norm(self.blocks(self.stem(pictures)))).mean((2, 3))


class _Block(nn.Module):
    """BN, ReLU, convolution, twice; the shortcut is a 1 x 1 convolution where the shape changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        changes = stride != 1 or before != width
        self.shortcut = nn.Conv2d(before, width, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        activated = torch.relu(self.norm1(x))
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        return self.conv2(torch.relu(self.norm2(self.conv1(activated)))) + shortcut
