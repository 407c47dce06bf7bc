"""mien's MTCNN: its parts against hand-made tables and PyTorch, the whole against facenet-pytorch."""

import numpy as np
import PIL.Image
import pytest
import skimage.data
import torch
from facenet_pytorch import MTCNN
from torch.nn import functional

from mien.data.drawn import draw_scene
from mien.detection import MtcnnDetector
from mien.detection.mtcnn import boxes, detector, networks, pixels, pyramid
from mien.endtoend.match import iou_matrix
from mien.errors import WeightsError


@pytest.fixture(scope="module")
def mtcnn():
    return MtcnnDetector(min_score=0)


@pytest.fixture(scope="module")
def reference():
    return MTCNN(keep_all=True)


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))


def level(height, width):
    return pyramid.Level(0, 1.0, height, width)


def area(images, size):
    """PyTorch's own area resampling, as the networks see it."""
    planes = images.permute(0, 3, 1, 2).float()
    return (functional.interpolate(planes, size=size, mode="area") - 127.5) / 128


@pytest.mark.parametrize("size", [(37, 53), (20, 20), (12, 40), (60, 90)])
def test_a_level_is_pytorchs_area_resampling(size):
    images = noise(2, 37, 53)
    found = pixels.Pixels(images).level(level(*size), slice(None))
    torch.testing.assert_close(found, area(images, size), rtol=0, atol=1e-6)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_crops_are_pytorchs_area_resampling():
    images = noise(2, 60, 80)
    where = [
        (0, (0, 0, 80, 60)),
        (1, (3, 5, 20, 22)),
        (1, (70, 50, 80, 60)),
        (0, (10, 10, 11, 11)),
        (1, (4, 9, 75, 12)),
    ]
    which, areas = (torch.tensor(column) for column in zip(*where, strict=True))
    found = pixels.Pixels(images).crops(which, areas, 24)
    for row, (image, (left, top, right, bottom)) in zip(found, where, strict=True):
        torch.testing.assert_close(
            row, area(images[image : image + 1, top:bottom, left:right], (24, 24))[0], atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("fits", [1, 6, 20])
def test_sums_of_large_bins_are_put_together_from_quarters(fits, monkeypatch):
    seen = pixels.Pixels(noise(2, 37, 53))
    which, areas = torch.tensor([0, 1, 1]), torch.tensor([[0, 0, 53, 37], [5, 9, 6, 30], [20, 3, 33, 5]])
    whole, crops = seen.level(level(5, 12), slice(1, 4)), seen.crops(which, areas, 4)
    monkeypatch.setattr(pixels, "_LARGEST", fits)
    assert torch.equal(seen.level(level(5, 12), slice(1, 4)), whole)
    assert torch.equal(seen.crops(which, areas, 4), crops)


def test_large_pictures_are_read_piece_by_piece_with_the_same_result(monkeypatch):
    images = noise(1, 60, 80)
    which, areas = torch.tensor([0, 0]), torch.tensor([[3, 5, 70, 41], [0, 0, 9, 60]])
    whole = pixels.Pixels(images)
    monkeypatch.setattr(pixels, "WHOLE", 100)
    pieces = pixels.Pixels(images)
    assert whole._table is not None
    assert pieces._table is None
    assert torch.equal(pieces.level(level(25, 33), slice(4, 17)), whole.level(level(25, 33), slice(4, 17)))
    assert torch.equal(pieces.crops(which, areas, 24), whole.crops(which, areas, 24))


def test_tables_of_large_pictures_stay_small(monkeypatch):
    images, sizes = noise(1, 60, 80), []
    whole = pixels.Pixels(images).level(level(25, 33), slice(None))

    def counted(part, make=pixels.sum_table):
        sizes.append(part.shape[1] * part.shape[2])
        return make(part)

    monkeypatch.setattr(pixels, "sum_table", counted)
    monkeypatch.setattr(pixels, "WHOLE", 500)
    assert torch.equal(pixels.Pixels(images).level(level(25, 33), slice(None)), whole)
    assert max(sizes) <= 500


def test_the_table_of_sums_may_overflow():
    """2,200 x 4,000 white pixels sum up to more than 2**31; means stay exact."""
    found = pixels.Pixels(torch.full((1, 2200, 4000, 3), 255, dtype=torch.uint8)).level(level(13, 24), slice(None))
    assert (found == 127.5 / 128).all()


def test_boxes_cut_to_whole_pixels():
    found = boxes.inside(torch.tensor([[-3.7, 0.2, 9.9, 8.0], [1.0, 2.0, 50.0, 60.0], [45.0, 5.0, 60.0, 9.0]]), 20, 40)
    assert found.tolist() == [[0, 0, 9, 8], [0, 1, 40, 20], [44, 4, 40, 9]]  # the last lies outside: left > right


def test_squares_keep_the_centre():
    assert boxes.squared(torch.tensor([[10.0, 20.0, 14.0, 30.0]])).tolist() == [[7.0, 20.0, 17.0, 30.0]]


def test_corrections_are_shares_of_the_sides():
    box, shift = torch.tensor([[10.0, 20.0, 30.0, 60.0]]), torch.tensor([[0.1, -0.1, 0.5, 0.0]])
    assert boxes.corrected(box, shift, 0).tolist() == [[12.0, 16.0, 40.0, 60.0]]
    assert boxes.corrected(box, shift, 1)[0].tolist() == pytest.approx([12.1, 15.9, 40.5, 60.0])


def test_nms_keeps_groups_apart():
    box = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    kept = boxes.nms(box, torch.tensor([0.8, 0.9, 0.7, 0.6]), torch.tensor([0, 0, 1, 0]), 0.5)
    assert sorted(kept.tolist()) == [1, 2, 3]


@pytest.mark.parametrize("count", [1, 2, 50, 400])
def test_nms_of_all_groups_at_once_is_that_of_one_after_the_other(count, monkeypatch):
    monkeypatch.setattr(boxes, "_PAIRS", 2000)  # few groups at a time
    rng = np.random.default_rng(count)
    corner, side = rng.integers(0, 40, (count, 2)), rng.integers(5, 30, (count, 2))
    box = torch.from_numpy(np.hstack([corner, corner + side])).float()
    scores = torch.from_numpy(rng.integers(0, 20, count)).float()  # many are equal
    groups = torch.from_numpy(rng.integers(0, 5, count) * 3)
    for threshold in (0.3, 0.5, 0.7):
        expected = boxes.nms(box, scores, groups, threshold)
        assert torch.equal(boxes.nms_side_by_side(box, scores, groups, threshold), expected)


@pytest.mark.parametrize(("smallest", "factor", "can"), [(20, 0.709, False), (10, 0.709, True), (20, 0.8, True)])
def test_whether_windows_of_two_levels_can_overlap(smallest, factor, can):
    scales = [12 / smallest * factor**n for n in range(6)]
    assert boxes.can_overlap(scales, 0.7) is can
    place = torch.arange(120)
    rows, columns = (axis.flatten() for axis in torch.meshgrid(place, place, indexing="ij"))
    seen = [boxes.windows(rows, columns, torch.full(rows.shape, scale)) for scale in scales[:2]]
    largest = max(iou_matrix(seen[0][n : n + 1].numpy(), seen[1].numpy()).max() for n in range(0, 14400, 7))
    assert can or largest <= 0.7


def test_nms_by_the_smaller_box():
    """A small box inside a large one goes, though their intersection over union is only 0.09."""
    box = torch.tensor([[0.0, 0, 99, 99], [10, 10, 39, 39], [10, 10, 39, 39], [90, 90, 189, 189]])
    kept = boxes.nms_by_smaller(box, torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([0, 0, 1, 0]), 0.7)
    assert sorted(kept.tolist()) == [0, 2, 3]


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("height", "width"), [(3, 4), (4, 5), (5, 3), (22, 22), (9, 46)])
def test_pooling_is_pytorchs(height, width, size):
    x = torch.randn(2, 5, height, width).contiguous(memory_format=torch.channels_last)
    found = networks._pooled(x, size)
    assert torch.equal(found, functional.max_pool2d(x, size, 2, ceil_mode=True))
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("height", "rows"), [(12, 1), (13, 40), (113, 20), (240, 64), (241, 64), (99, 1000)])
def test_strips_cover_every_window_once(height, rows):
    network = networks.load_networks("cpu")[0]
    image = torch.rand(1, 3, height, 30).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        whole, _ = network(image)
        strips = [network(image[:, :, where])[0] for where in pyramid.strips(level(height, 30), 30 * rows)]
    torch.testing.assert_close(torch.cat(strips, 1), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(60, 80), (61, 79), (35, 200), (200, 35), (113, 113)])
def test_levels_on_one_canvas_look_as_they_do_alone(height, width):
    """Nothing of a neighbour is seen beyond an odd row or column, and every window is found once."""
    images, network = noise(2, height, width), networks.load_networks("cpu")[0]
    seen = pixels.Pixels(images)
    scales = (0.6, 0.43, 0.37, 0.35)
    (canvas,) = pyramid.canvases(height, width, scales, 2**20, torch.device("cpu"))
    with torch.inference_mode():
        scores, features = network(seen.canvas(canvas), canvas.seams)
        image, row, column = canvas.find(scores > -torch.inf)
        number, on_row, on_column, scale = canvas.on_level(row, column)
        for tile in canvas.tiles:
            alone, features_alone = network(seen.level(tile.level, tile.rows))
            own = number == tile.level.number
            assert own.sum() == alone.numel()
            there = image[own], on_row[own], on_column[own]
            torch.testing.assert_close(scores[image[own], row[own], column[own]], alone[there], atol=1e-6, rtol=0)
            moved = network.shifts(features[image[own], row[own], column[own]])
            torch.testing.assert_close(moved, network.shifts(features_alone[there]), atol=1e-6, rtol=0)
            assert (scale[own] == np.float32(tile.level.scale)).all()


def same(found, boxes_, scores, landmarks):
    """One picture's faces are the reference's."""
    order = np.argsort(-np.asarray(scores, np.float32), kind="stable")
    theirs = np.asarray(boxes_, np.float32)[order]
    assert len(found) == len(theirs)
    assert np.diag(iou_matrix(found.boxes, theirs)).min() >= 0.99
    assert np.abs(found.landmarks - np.asarray(landmarks, np.float32)[order]).max() <= 0.5
    np.testing.assert_allclose(found.scores, np.asarray(scores, np.float32)[order], atol=1e-4)


def test_the_astronaut_is_found_as_by_facenet_pytorch(mtcnn, reference):
    image = skimage.data.astronaut()
    same(mtcnn.detect(image), *reference.detect(image, landmarks=True))


@pytest.mark.parametrize("left", [150, 170, 185])
def test_a_face_that_fills_its_picture_is_found_as_by_facenet_pytorch(mtcnn, reference, left):
    """Candidates reach over the edges; what is inside is the same for many, and so are their scores."""
    close = PIL.Image.fromarray(skimage.data.astronaut()[60:180, left:270]).resize((320, 320))
    same(mtcnn.detect(close), *reference.detect(np.array(close), landmarks=True))


def test_drawn_scenes_are_searched_as_by_facenet_pytorch(mtcnn, reference):
    scenes = [draw_scene(7, n).image for n in range(6)]
    total = 0
    for image, found in zip(scenes, mtcnn.detect_many(scenes), strict=True):
        same(found, *reference.detect(image, landmarks=True))
        total += len(found)
    assert total >= 12


def test_settings_mean_what_they_mean_in_facenet_pytorch():
    image = skimage.data.astronaut()[:250, 100:350]
    settings = {"min_face_size": 40, "thresholds": [0.5, 0.6, 0.6], "factor": 0.6}
    same(
        MtcnnDetector(min_score=0, **settings).detect(image),
        *MTCNN(keep_all=True, **settings).detect(image, landmarks=True),
    )


def test_a_result_does_not_depend_on_the_other_pictures(mtcnn, monkeypatch):
    photo = skimage.data.astronaut()
    many = [photo, photo[:300, :300], np.zeros((40, 50, 3), np.uint8), photo[:, ::-1], photo]
    alone = [mtcnn.detect(image) for image in many]
    for chunk in (2**22, 1):
        monkeypatch.setattr(mtcnn, "_chunk", chunk)
        for one, together in zip(alone, mtcnn.detect_many(many), strict=True):
            np.testing.assert_allclose(together.boxes, one.boxes, atol=1e-3)
            np.testing.assert_allclose(together.landmarks, one.landmarks, atol=1e-3)
    assert [len(found) for found in alone] == [1, 1, 0, 1, 1]


def test_arrays_tensors_and_pillow_images_are_equal(mtcnn):
    photo = skimage.data.astronaut()[:300, 50:350]
    expected = mtcnn.detect(photo).boxes
    for image in (
        torch.from_numpy(photo.copy()),
        PIL.Image.fromarray(photo),
        PIL.Image.fromarray(photo).convert("RGBA"),
    ):
        assert np.array_equal(mtcnn.detect(image).boxes, expected)
    assert mtcnn.detect_many([]) == []


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros((0, 9, 3), np.uint8)]
)
def test_other_arrays_are_refused(mtcnn, image):
    with pytest.raises(ValueError, match=r"expected an image \(H, W, 3\) uint8 RGB, got"):
        mtcnn.detect(image)


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"pip install facenet-pytorch==2.5.3"):
        MtcnnDetector()


def test_the_chunk_bounds_what_is_searched_at_a_time(mtcnn, monkeypatch):
    monkeypatch.setattr(mtcnn, "_chunk", 2 * 40 * 50)
    images = [torch.zeros(40, 50, 3)] * 5 + [torch.zeros(400, 500, 3)] * 2
    assert list(detector.MtcnnDetector._chunks(mtcnn, images)) == [[0, 1], [2, 3], [4], [5], [6]]
