"""Photos from disk, in batches that fit the memory, read ahead while the batch before is worked on."""

import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import PIL.Image

from mien.data.readers import image_size, load_image
from mien.environment import cores
from mien.errors import DataError
from mien.files import printable
from mien.recognition.sources import SourceFile, frame_count
from mien.types import Image

BATCH_PIXELS = 48 * 2**20
"""Photos of a batch hold no more pixels together, unless one alone does: 144 MiB as RGB."""
_MAY_HOLD_MORE = (".apng", ".gif", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Photo:
    """A file that was read, or not.

    Attributes:
        file: Which one.
        image: (H, W, 3) uint8 RGB, upright; ``None`` where it cannot be read.
        problem: Why not; ``""`` where it can.
        note: Something worth knowing that is no fault; ``""`` for nothing.
    """

    file: SourceFile
    image: Image | None
    problem: str = ""
    note: str = ""


def read_photos(files: Sequence[SourceFile], batch_size: int) -> Iterator[list[Photo]]:
    """Read photos in order, in several threads; besides the batch given out one more is held.

    Args:
        files: The photos.
        batch_size: Most photos of a batch; large ones come in smaller batches.
    """
    # Pillow warns from 89 megapixels on, and refuses twice that, which stays.
    warnings.filterwarnings("ignore", category=PIL.Image.DecompressionBombWarning)
    waiting: deque[list[Future[Photo]]] = deque()
    pool = ThreadPoolExecutor(cores(), "mien-photos")
    try:
        for group in _groups(files, batch_size):
            waiting.append([pool.submit(read_photo, file) for file in group])
            if len(waiting) > 1:
                yield [photo.result() for photo in waiting.popleft()]
        while waiting:
            yield [photo.result() for photo in waiting.popleft()]
    finally:
        pool.shutdown(cancel_futures=True)


def read_photo(file: SourceFile) -> Photo:
    """Read one photo; a problem is told, not raised."""
    try:
        image = load_image(file.path)
    except DataError as error:
        return Photo(file, None, problem=printable(str(error)))
    frames = frame_count(file.path) if file.path.suffix.lower() in _MAY_HOLD_MORE else 1
    note = f"{printable(str(file.path))}: holds {frames} pictures; the first is taken" if frames > 1 else ""
    return Photo(file, image, note=note)


def _groups(files: Sequence[SourceFile], batch_size: int) -> Iterator[list[SourceFile]]:
    """The files in order, cut into batches by their number and by their pixels."""
    group: list[SourceFile] = []
    pixels = 0
    for file in files:
        width, height = image_size(file.path) or (0, 0)
        if group and (len(group) >= batch_size or pixels + width * height > BATCH_PIXELS):
            yield group
            group, pixels = [], 0
        group.append(file)
        pixels += width * height
    if group:
        yield group
