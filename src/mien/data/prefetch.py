"""Batches made ahead of time in a thread, for images that lie neither in memory nor on the device."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from mien.data.batches import Batch, Batches


class Prefetched:
    """The same batches, in the same order, some of them read ahead.

    A thread is enough: looking up rows releases the GIL, also while it waits for the disk.

    Args:
        batches: The batches.
        pin: Whether they are put into pinned memory, from which a GPU takes them while it computes.
        ahead: Batches read ahead.
    """

    def __init__(self, batches: Batches, pin: bool, ahead: int = 4) -> None:
        self.batches, self.pin, self.ahead = batches, pin, ahead

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        """As the batches do."""
        waiting: deque[Future[Batch | None]] = deque()
        source = iter(self.batches)
        pool = ThreadPoolExecutor(1, "mien-prefetch")
        try:
            for _ in range(self.ahead):
                waiting.append(pool.submit(self._take, source))
            while (batch := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(self._take, source))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)

    def _take(self, source: Iterator[Batch]) -> Batch | None:
        batch = next(source, None)
        if batch is None or not self.pin:
            return batch
        return batch._replace(images=batch.images.pin_memory(), labels=batch.labels.pin_memory())
