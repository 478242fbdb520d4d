"""How many pictures a device works on at once: found while working, never at the cost of work."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from genmix.errors import EditorError
from genmix.networks.shortage import lacks_memory

Job = TypeVar("Job")
Done = TypeVar("Done")

_NO_GAIN = 1.05


class Batcher:
    """Cuts work into batches: doubles their size as long as that pays and fits, halves it when not.

    Attributes:
        size: Of the next batch.
        most: Never more than this.
    """

    def __init__(self, size: int, most: int, device: torch.device) -> None:
        """Start.

        Args:
            size: Of the first batch.
            most: The largest; equal to `size`, nothing is tried out.
            device: Whose memory it is.
        """
        self.size = size
        self.most = most
        self._device = device
        self._rate = 0.0
        self._warm = False

    def run(self, work: Callable[[Sequence[Job]], list[Done]], jobs: Sequence[Job]) -> list[Done]:
        """Do all jobs, in order; a batch that does not fit is done again in halves.

        Args:
            work: Does a batch.
            jobs: All of them.

        Raises:
            EditorError: If not even one fits.
        """
        done: list[Done] = []
        while len(done) < len(jobs):
            batch = jobs[len(done) : len(done) + self.size]
            started = time.perf_counter()
            result = self._tried(work, batch)
            if result is None:
                self._halve(len(batch))
                continue
            done += result
            self._learn(len(batch), time.perf_counter() - started)
        return done

    @staticmethod
    def _tried(
        work: Callable[[Sequence[Job]], list[Done]], batch: Sequence[Job]
    ) -> list[Done] | None:
        try:
            return work(batch)
        except RuntimeError as error:
            if not lacks_memory(error):
                raise
            return None

    def _halve(self, tried: int) -> None:
        """Go on with half; out of the handler, where nothing holds the failed batch's memory."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if tried == 1:
            raise EditorError(
                f"the memory of {self._device} does not suffice for one picture: set "
                "offload=model, vae_tiling=true, dtype=float16 or a smaller size"
            )
        self.size = self.most = tried // 2

    def _learn(self, count: int, seconds: float) -> None:
        """Double after a full batch that was faster a picture than the last size and left room."""
        if count < self.size or self.size >= self.most:
            return
        if not self._warm:  # the first batch of a size also loads kernels
            self._warm = True
            return
        rate = count / seconds
        if rate > self._rate * _NO_GAIN and self._room():
            self._rate, self._warm = rate, False
            self.size = min(2 * self.size, self.most)
        else:
            self.most = self.size

    def _room(self) -> bool:
        if self._device.type != "cuda":
            return True
        peak = torch.cuda.max_memory_allocated(self._device)
        total = torch.cuda.get_device_properties(self._device).total_memory
        return 2 * peak < total
