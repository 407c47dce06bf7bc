"""The detector: pictures of any sizes in, typed faces out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.types import Faces, Image

if TYPE_CHECKING:
    import PIL.Image
    from torch import Tensor

    from mien.detection.mtcnn.cascade import Candidates

_CHUNK = {"cpu": 2**22, "cuda": 2**25}
"""Pixels of equally large pictures that are searched at a time; one picture may be larger."""


class MtcnnDetector:
    """Faces with five landmarks, by a cascade of three small networks (Zhang et al. 2016, arXiv:1604.02878).

    Finds what facenet-pytorch 2.5.3 finds, with its weights and defaults.

    Args:
        min_face_size: Smallest face in pixels; doubling it makes the search about four times faster.
        min_score: Faces with a lower score of the last network are dropped, 0..1.
        thresholds: Smallest scores that pass the three networks.
        factor: Each level of the image pyramid is this much smaller than the one before.
        device: Where the networks run, in torch's spelling.
    """

    name = "mtcnn"

    def __init__(
        self,
        min_face_size: int = 20,
        min_score: float = 0.9,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        device: str = "cpu",
    ) -> None:
        # Imported here: it brings torch along, which reports and other detectors do without.
        from mien.detection.mtcnn.cascade import Cascade

        self.min_face_size, self.min_score = min_face_size, min_score
        proposed, refined, judged = thresholds
        self._cascade = Cascade(min_face_size, (proposed, refined, judged), factor, device)
        self._chunk = _CHUNK["cpu" if self._cascade.device.type == "cpu" else "cuda"]

    def detect(self, image: "Image | Tensor | PIL.Image.Image") -> Faces:
        """The faces of one picture, best score first.

        Args:
            image: (H, W, 3) uint8 RGB as an array or a tensor on any device, or a Pillow image. Where its shorter side
                is below ``min_face_size`` there is no face.

        Returns:
            Boxes as the network gives them: they may reach over the image's edge.

        Raises:
            ValueError: It is no such image.
        """
        return self.detect_many([image])[0]

    def detect_many(self, images: "Iterable[Image | Tensor | PIL.Image.Image]") -> list[Faces]:
        """The faces of several pictures, of equal or unequal sizes; those of equal size are searched together.

        Results do not depend on the other pictures, and memory does not grow with their number.

        Args:
            images: As for :meth:`detect`.
        """
        tensors = [_as_tensor(image) for image in images]
        found: dict[int, Faces] = {}
        for chunk in self._chunks(tensors):
            faces = self._cascade(self._together([tensors[n] for n in chunk]))
            found |= {n: self._faces(faces, place) for place, n in enumerate(chunk)}
        return [found[n] for n in range(len(tensors))]

    def _chunks(self, images: "list[Tensor]") -> Iterator[list[int]]:
        """Positions of pictures of one size, as many as are searched at a time."""
        by_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for n, image in enumerate(images):
            by_size[tuple(image.shape)].append(n)
        for (height, width, _), members in by_size.items():
            step = max(1, self._chunk // (height * width))
            yield from (members[start : start + step] for start in range(0, len(members), step))

    def _together(self, images: "list[Tensor]") -> "Tensor":
        """Pictures of one size as one tensor; on its way to a GPU through locked memory, which is faster."""
        import torch

        if self._cascade.device.type != "cuda" or any(image.is_cuda for image in images):
            return torch.stack(images)
        locked = torch.empty((len(images), *images[0].shape), dtype=torch.uint8, pin_memory=True)
        return torch.stack(images, out=locked).to(self._cascade.device, non_blocking=True)

    def _faces(self, found: "Candidates", place: int) -> Faces:
        """One picture's faces."""
        own = (found.image == place) & (found.scores >= self.min_score)
        mine = found.take(own)
        best_first = mine.scores.argsort(descending=True, stable=True)
        mine = mine.take(best_first)
        return Faces(mine.boxes.numpy(), mine.scores.numpy(), mine.extra.numpy())


def _as_tensor(image: Any) -> "Tensor":
    """(H, W, 3) uint8, sharing memory where it can.

    Raises:
        ValueError: It is something else.
    """
    import torch

    tensor = image if isinstance(image, torch.Tensor) else torch.from_numpy(_as_array(image))
    if tensor.dtype != torch.uint8 or tensor.ndim != 3 or tensor.shape[2] != 3 or not tensor.numel():
        raise ValueError(f"expected an image (H, W, 3) uint8 RGB, got {tuple(tensor.shape)} {tensor.dtype}")
    return tensor


def _as_array(image: Any) -> Image:
    """A Pillow image as RGB; arrays as they are, but writable and without negative strides, as torch wants them."""
    array = np.asarray(image.convert("RGB") if hasattr(image, "convert") else image)
    return np.require(array, requirements=["C", "W"])
