"""Targets of a batch, as class probabilities."""

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled


@compiled
def one_hot(out: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> bool:
    """Write 1 at each sample's class.

    Args:
        out: N x K, all 0.
        labels: N.

    Returns:
        Whether all labels lie in [0, K - 1].
    """
    for i in range(len(labels)):
        if not 0 <= labels[i] < out.shape[1]:
            return False
        out[i, labels[i]] = 1
    return True
