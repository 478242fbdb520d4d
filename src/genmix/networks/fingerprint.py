"""What tells two networks apart: a hash of their weights, the same on every device."""

import hashlib
from collections.abc import Iterable

from torch import Tensor


def hash_tensors(tensors: Iterable[tuple[str, Tensor]], about: str) -> str:
    """Hash weights by name, and what else the result of a network depends on.

    Args:
        tensors: As `state_dict().items()` gives them.
        about: How the network is used.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(about.encode())
    for name, tensor in tensors:
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()
