"""``dataset.faces=detected``: a data set's images go through detector and crop rule, as whole photos do in use.

Faces are found once, in batches, and kept in the cache; cutting them out costs next to nothing, so that experiments
with other crop rules share one search.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.cache.store import Recipe, key_of, open_store
from mien.config.schema import DetectorConfig
from mien.data.chunks import progress
from mien.data.decode import place, still_bad, whole
from mien.data.prepare import BadImages
from mien.data.readers import ImageReader, Selection
from mien.data.source import Part
from mien.detection.bordered import Bordered
from mien.detection.crop import VERSION, crop_face
from mien.detection.many import detect_many
from mien.detection.whole_image import WholeImageDetector
from mien.environment import installed
from mien.errors import CacheError, DataError
from mien.types import CropRule, FaceDetector, Faces, Image, SplitName

log = logging.getLogger(__name__)

_VERSION = 1  # of the search; to be raised whenever the same image and settings give another face
_BATCH, _BATCH_BYTES = 256, 64 * 2**20  # images are searched together until either is reached
_WIDTH = 4 + 10  # a box and five landmarks


@dataclass(frozen=True, eq=False)
class DetectedFaces:
    """The faces of another reader's images: cut out of the original pixels, which are resampled only once.

    Attributes:
        reader: The other reader.
        found: (N, 14) float32, each image's face: box xyxy and five landmarks xy in pixels of the image; NaN where
            none was found. Such an image is taken whole.
        rule: How faces are cut out.
    """

    reader: ImageReader
    found: NDArray[np.float32]
    rule: CropRule

    @property
    def process_from(self) -> float:
        """As the other reader."""
        return self.reader.process_from

    def __len__(self) -> int:
        return len(self.reader)

    def read(self, index: int) -> Image:
        """The face in the image at ``index``, (h, w, 3) uint8 RGB."""
        image, face = self.reader.read(index), self.found[index]
        return image if np.isnan(face[0]) else crop_face(image, face[:4], face[4:].reshape(5, 2), self.rule)

    def key(self, index: int) -> str:
        """As in the other reader."""
        return self.reader.key(index)

    def stamp(self, index: int) -> str:
        """As in the other reader, with face and rule."""
        return f"{self.reader.stamp(index)}:{self._face(index)}"

    def state(self, index: int) -> str:
        """As in the other reader, with face and rule."""
        return f"{self.reader.state(index)}:{self._face(index)}"

    def digest(self, index: int) -> bytes:
        """As in the other reader."""
        return self.reader.digest(index)

    def _face(self, index: int) -> str:
        return f"{self.found[index].tobytes().hex()}:{self.rule}:{VERSION}"


@dataclass(frozen=True)
class FaceFinder:
    """Finds the main face of every image of a data set.

    Images of faces are small, and the faces in them often cut off: the detector sees them enlarged and with the crop
    rule's border (:class:`mien.detection.bordered.Bordered`). Boxes and landmarks are those of the image itself.

    Attributes:
        detector: Finds faces.
        settings: Its settings, which name it in the cache.
        cache: Where faces are kept, as ``dataset.cache``.
    """

    detector: FaceDetector
    settings: DetectorConfig
    cache: str = "off"

    def cut_out(self, parts: Mapping[SplitName, Part], rule: CropRule) -> dict[SplitName, Part]:
        """The same parts with faces in the place of images; says in the log how many were found.

        Raises:
            CacheError: The cache folder asked for cannot be used.
        """
        readers: dict[int, DetectedFaces] = {}
        done = {}
        for split, part in parts.items():
            # As in decoding: with a cache all cuts of a reader share one array, else only what is needed is read.
            reader, rows = whole(part.reader) if self.cache != "off" else (part.reader, np.arange(len(part)))
            if id(reader) not in readers:
                readers[id(reader)] = DetectedFaces(reader, self.find(reader, rule.border), rule)
            faces = readers[id(reader)]
            count = int((~np.isnan(faces.found[rows, 0])).sum())
            log.info("%s: a face was found in %d of %d images; the others are taken whole", split, count, len(part))
            done[split] = part.read_by(Selection(faces, rows))
        return done

    def find(self, reader: ImageReader, border: float = 0.0) -> NDArray[np.float32]:
        """The main face of every image of a reader, as :attr:`DetectedFaces.found`.

        Args:
            reader: The images.
            border: What the detector sees around each, as a share of its shorter side.

        Raises:
            CacheError: The cache folder asked for cannot be used.
        """
        recipe = self._recipe(reader, border)
        if self.cache != "off":
            try:
                return open_store(self.cache).get(recipe).array
            except CacheError as error:
                if self.cache != "auto":
                    raise
                log.warning("%s\ngoing on without a cache", error)
        return np.concatenate([np.zeros((0, _WIDTH), np.float32), *recipe.blocks({})])

    def _recipe(self, reader: ImageReader, border: float) -> Recipe:
        detector = self.detector
        if not isinstance(detector, WholeImageDetector):
            detector = Bordered(detector, border)

        def key() -> str:
            shown = (detector.border, detector.shorter, detector.longer) if isinstance(detector, Bordered) else ()
            packages = [installed(name) for name in ("pillow", "torch", "opencv-python-headless")]
            how = f"faces {_VERSION} {packages} {shown} {detector.name} {asdict(self.settings)}"
            return key_of([how, *(reader.state(index) for index in range(len(reader)))])

        def blocks(extra: dict[str, Any]) -> Iterator[NDArray[np.float32]]:
            bad: BadImages = []
            with progress(len(reader), "finding faces") as advance:
                for indices, images in _batches(reader, bad):
                    yield _search(detector, indices, images)
                    advance(len(indices))
            if key() != before:
                raise DataError("images of the data set were changed while they were read; run the command again")
            extra["bad"] = bad

        before = key()
        about = f"faces in {len(reader)} images of {place(reader)}, {self.detector.name}"
        shape = (len(reader), _WIDTH)
        advice = "go without by dataset.cache=off"
        return Recipe(before, about, shape, np.float32, blocks, advice, partial(still_bad, reader))


def _search(detector: FaceDetector, indices: range, images: Mapping[int, Image]) -> NDArray[np.float32]:
    """The main faces of some images, (n, 14)."""
    found = np.full((len(indices), _WIDTH), np.nan, np.float32)
    all_faces = detect_many(detector, list(images.values()))
    for (index, image), faces in zip(images.items(), all_faces, strict=True):
        face = central_face(faces, (image.shape[1] / 2, image.shape[0] / 2))
        if face is not None:
            found[index - indices.start] = np.concatenate([faces.boxes[face], faces.landmarks[face].ravel()])
    return found


def _batches(reader: ImageReader, bad: BadImages) -> Iterator[tuple[range, dict[int, Image]]]:
    """Consecutive positions, and the images there that can be read; decoding will tell the others."""
    start, images = 0, dict[int, Image]()
    for index in range(len(reader)):
        try:
            images[index] = reader.read(index)
        except DataError as error:
            bad.append((index, str(error)))
        full = len(images) >= _BATCH or sum(image.nbytes for image in images.values()) >= _BATCH_BYTES
        if full or index == len(reader) - 1:
            yield range(start, index + 1), images
            start, images = index + 1, {}


def central_face(faces: Faces, centre: tuple[float, float]) -> int | None:
    """The face that an image is of: the largest of those whose box holds its centre; else the largest of all.

    Args:
        faces: What was found in it.
        centre: Its centre, xy pixels.

    Returns:
        Its position, ``None`` without faces.
    """
    if not len(faces):
        return None
    left_top, right_bottom = faces.boxes[:, :2], faces.boxes[:, 2:]
    holds = ((left_top <= centre) & (centre <= right_bottom)).all(axis=1)
    areas = (right_bottom - left_top).prod(axis=1)
    return int(np.lexsort((areas, holds))[-1])
