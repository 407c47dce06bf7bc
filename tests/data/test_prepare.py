import numpy as np
import PIL.Image
import pytest
from torchvision.transforms import CenterCrop, Compose, Grayscale, PILToTensor, Resize

from mien.data.prepare import prepare, squeeze

SIZES = [
    (48, 48),
    (80, 80),
    (64, 64),
    (350, 350),
    (31, 90),
    (90, 31),
    (97, 64),
    (64, 97),
    (20, 21),
    (5, 47),
    (301, 299),
]


@pytest.mark.parametrize("size", [24, 48, 64, 77])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_equals_torchvision_on_a_pil_image(width, height, channels, size):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    gray = [Grayscale()] if channels == 1 else []
    reference = Compose([*gray, Resize(size), CenterCrop(size), PILToTensor()])(PIL.Image.fromarray(image))
    result = prepare(image, size, channels)
    assert result.shape == (channels, size, size)
    assert result.dtype == np.uint8
    assert (result == reference.numpy()).all()


def test_a_gray_picture_keeps_its_values():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.repeat(gray[:, :, None], 3, axis=2)
    assert (prepare(image, 16, 1)[0] == gray).all()
    assert (prepare(image, 16, 3) == gray).all()


def test_squeezing_takes_the_nearest_pixels_of_the_whole_image():
    image = np.zeros((6, 8, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(8), np.arange(6)[:, None]
    result = squeeze(image, 2, 3)
    assert result.tolist() == [[[2, 6], [2, 6]], [[1, 1], [4, 4]], [[0, 0], [0, 0]]]
    assert squeeze(np.repeat(image[..., :1], 3, 2), 2, 1).tolist() == [[[2, 6], [2, 6]]]
