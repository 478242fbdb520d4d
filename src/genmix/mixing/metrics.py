"""How well a model does on mixed batches, where no single class is right."""

from numbers import Integral

from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.losses import check_batch, check_probabilities


def mixed_accuracy(logits: Tensor, targets: Tensor, *, top_k: int = 1) -> Tensor:
    """Expected accuracy: the mean share of the target that the predicted classes hold.

    It is the accuracy to expect if each label were drawn from its target, and equals plain accuracy
    for one-hot targets and indices. A model that sees only the smaller part of a picture mixed 60
    to 40 scores 0.4 for it. The usual practice, to compare with the target's largest class, scores
    0, and jumps between 0 and 1 where λ passes 1/2.

    The best that a model can reach is not 1 but `mixed_accuracy(targets, targets)`.

    Args:
        logits: N x K.
        targets: N x K probabilities, or N class indices.
        top_k: Classes that a model may name, 1 to K.

    Returns:
        A scalar in [0, 1], on the logits' device.

    Raises:
        MixerError: If something does not fit. Values of targets are looked at on a CPU only.
    """
    logits, targets = check_batch(logits, targets)
    check_probabilities(targets)
    if not (isinstance(top_k, Integral) and 1 <= top_k <= logits.shape[1]):
        raise MixerError(f"top_k is {top_k!r}: with {logits.shape[1]} classes give 1 to that many")
    predicted = logits.detach().topk(top_k, dim=1).indices
    return targets.gather(1, predicted).sum(1).mean()
