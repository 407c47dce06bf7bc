"""The cascade: proposals from an image pyramid, refined, then judged, with five landmarks each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from mien.detection.mtcnn.boxes import (
    CELL,
    best_first,
    can_overlap,
    corrected,
    inside,
    nms,
    nms_by_smaller,
    squared,
    windows,
)
from mien.detection.mtcnn.networks import ONet, RNet, load_networks
from mien.detection.mtcnn.pixels import Pixels
from mien.detection.mtcnn.pyramid import Canvas, canvases

_STRIP = {"cpu": 2**17, "cuda": 2**23}
"""Pixels of a canvas or of candidates seen at a time: the more, the fewer calls that threads have to wait for. On
processors with twice as many the C library gives memory back in between, see :data:`_KEPT`; on GPUs it is theirs."""
_NEAR = 64
"""Candidates within a square of so many pixels are seen one after another."""
_KEPT = 31 * 2**20
"""Bytes that the C library is taught to keep; glibc learns from blocks below 32 MiB."""


@dataclass(frozen=True)
class Candidates:
    """Boxes that may be faces.

    Attributes:
        image: (N,) int64, each one's picture.
        boxes: (N, 4) float32 xyxy pixels.
        scores: (N,) float32.
        extra: (N, ...) float32, what the last network said beside.
    """

    image: Tensor
    boxes: Tensor
    scores: Tensor
    extra: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls, device: torch.device) -> "Candidates":
        """No candidates."""
        empty = torch.zeros(0, device=device)
        return cls(empty.long(), empty.view(0, 4), empty, empty.view(0, 4))

    def take(self, which: Tensor) -> "Candidates":
        """Some of them, by index or mask."""
        return Candidates(self.image[which], self.boxes[which], self.scores[which], self.extra[which])

    def cpu(self) -> "Candidates":
        """The same in the processor's memory."""
        return Candidates(self.image.cpu(), self.boxes.cpu(), self.scores.cpu(), self.extra.cpu())


class Cascade:
    """MTCNN's three stages on pictures of one size.

    Args:
        min_face_size: Smallest face in pixels.
        thresholds: Smallest score that passes each network.
        factor: Each level of the image pyramid is this much smaller than the one before.
        device: Where it runs, in torch's spelling.
    """

    def __init__(
        self, min_face_size: int, thresholds: tuple[float, float, float], factor: float, device: str = "cpu"
    ) -> None:
        self.min_face_size, self.thresholds, self.factor = min_face_size, thresholds, factor
        self.device = torch.device(device)
        self._least_logit = float(torch.tensor(thresholds[0], dtype=torch.float64).logit())
        self._pnet, self._rnet, self._onet = load_networks(device)
        kind = self.device.type if self.device.type in _STRIP else "cuda"
        self._strip = _STRIP[kind]
        if kind == "cpu":
            # The C library gives freed memory back to the system and gets it again page by page, which can take as long
            # as the networks do. After a large block has come and gone it keeps so much.
            torch.empty(_KEPT, dtype=torch.uint8)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Candidates:
        """The faces in (B, H, W, 3) uint8 RGB pictures, in the processor's memory, whatever the device.

        ``extra`` holds the landmarks, (N, 5, 2) xy pixels.
        """
        with _whole_float32():
            pixels = Pixels(images.to(self.device))
            found = self._propose(pixels)
            found = self._refine(pixels, found)
            return self._judge(pixels, found)

    def scales(self, height: int, width: int) -> tuple[float, ...]:
        """Scales of the pyramid's levels, the largest first; the last still has a window of the first network."""
        scale = CELL / self.min_face_size
        side, scales = min(height, width) * scale, []
        while side >= CELL:
            scales.append(scale)
            scale, side = scale * self.factor, side * self.factor
        return tuple(scales)

    def _propose(self, pixels: Pixels) -> Candidates:
        scales = self.scales(pixels.height, pixels.width)
        budget = self._strip // len(pixels.images)
        parts = [
            self._look(pixels, canvas) for canvas in canvases(pixels.height, pixels.width, scales, budget, self.device)
        ]
        if not parts:
            return Candidates.none(self.device)
        image, level, row, column, scale, logits, features = (torch.cat(part) for part in zip(*parts, strict=True))
        found = Candidates(image, windows(row, column, scale), logits.sigmoid(), self._pnet.shifts(features))
        found = found.take(nms(found.boxes, found.scores, level * len(pixels.images) + image, 0.5))
        if can_overlap(scales, 0.7):
            found = found.take(nms(found.boxes, found.scores, found.image, 0.7))
        else:
            found = found.take(best_first(found.scores, found.image))
        boxes = squared(corrected(found.boxes, found.extra, 0))
        return Candidates(found.image, boxes, found.scores, found.extra)

    def _look(self, pixels: Pixels, canvas: Canvas) -> tuple[Tensor, ...]:
        """Windows of a canvas that may be faces: picture, level, row and column on it, its scale, logit, features."""
        logits, features = self._pnet(pixels.canvas(canvas), canvas.seams)
        image, row, column = canvas.find(logits >= self._least_logit)
        return image, *canvas.on_level(row, column), logits[image, row, column], features[image, row, column]

    def _refine(self, pixels: Pixels, found: Candidates) -> Candidates:
        found = self._seen(pixels, found, self._rnet, 24)
        found = found.take(found.scores > self.thresholds[1])
        found = found.take(nms(found.boxes, found.scores, found.image, 0.7))
        boxes = squared(corrected(found.boxes, found.extra, 1))
        return Candidates(found.image, boxes, found.scores, found.extra)

    def _judge(self, pixels: Pixels, found: Candidates) -> Candidates:
        found = self._seen(pixels, found, self._onet, 48)
        found = found.take(found.scores > self.thresholds[2]).cpu()
        corner, side = found.boxes[:, None, :2], (found.boxes[:, 2:] - found.boxes[:, :2] + 1)[:, None]
        shares = found.extra[:, 4:].view(-1, 2, 5).transpose(1, 2)  # x of all five, then y
        landmarks = shares * side + corner - 1
        boxes = corrected(found.boxes, found.extra[:, :4], 1)
        found = Candidates(found.image, boxes, found.scores, landmarks)
        return found.take(nms_by_smaller(found.boxes, found.scores, found.image, 0.7))

    def _seen(self, pixels: Pixels, found: Candidates, network: RNet | ONet, size: int) -> Candidates:
        """Candidates with a network's scores and what it says beside. Those outside their picture drop out."""
        area = inside(found.boxes, pixels.height, pixels.width)
        there = (area[:, 2:] > area[:, :2]).all(1)
        found, area = found.take(there), area[there]
        # Neighbours follow each other, so that what they see of the picture is still in the cache.
        across, down = (area[:, :2] // _NEAR).unbind(1)
        order = ((found.image * pixels.height + down) * pixels.width + across).argsort()
        step = max(self._strip // size**2, 1)
        parts = [
            network(pixels.crops(found.image[some], area[some], size)) for some in torch.split(order, step) if len(some)
        ]
        width = 4 if size == 24 else 14
        scores = torch.cat([found.scores[:0], *(scores for scores, _ in parts)])
        extra = torch.cat([found.boxes.new_zeros(0, width), *(extra for _, extra in parts)])
        back = order.argsort()
        return Candidates(found.image, found.boxes, scores[back], extra[back])


@contextmanager
def _whole_float32() -> Iterator[None]:
    """Convolutions in float32 on GPUs too: with TF32's ten bits scores would move over their thresholds."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
