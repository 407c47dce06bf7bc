import pickle

import numpy as np
import pytest
from facenet_pytorch import MTCNN

from mien.data.drawn import DrawnFaces, contact_sheet, draw_scene, prototype, sample_expression, sample_identity
from mien.data.drawn.canvas import Canvas, curve
from mien.data.drawn.expression import UNITS, Expression
from mien.data.drawn.head import face_box
from mien.data.drawn.person import Pose
from mien.data.drawn.scenes import draw_portrait
from mien.labels import EXPRESSIONS

PERSON = sample_identity(np.random.default_rng(0))


def overlap(first, second):
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    return float(np.prod(np.clip(high - low, 0, None)))


class TestDrawnFaces:
    @pytest.mark.parametrize("size", [48, 64, 224])
    def test_an_image_is_square_rgb_bytes_with_contrast(self, size):
        image = DrawnFaces(3, seed=0, size=size).read(2)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.std() > 15

    def test_the_same_seed_and_index_give_the_same_bytes(self):
        first, second = DrawnFaces(20, 3, 64), DrawnFaces(20, 3, 64)
        assert all(np.array_equal(first.read(i), second.read(i)) for i in range(20))

    def test_an_image_does_not_depend_on_count_order_or_earlier_reads(self):
        few, many = DrawnFaces(10, 3, 64), DrawnFaces(1000, 3, 64)
        forwards = [few.read(i) for i in range(10)]
        backwards = [many.read(i) for i in reversed(range(10))][::-1]
        assert np.array_equal(forwards, backwards)
        assert np.array_equal(few.labels, many.labels[:10])

    def test_other_seeds_and_indices_give_other_images(self):
        images = {DrawnFaces(20, seed, 64).read(i).tobytes() for seed in range(3) for i in range(20)}
        assert len(images) == 60

    @pytest.mark.parametrize(("count", "least", "most"), [(700, 100, 100), (3500, 500, 500), (10, 1, 2), (0, 0, 0)])
    def test_labels_are_balanced(self, count, least, most):
        labels = DrawnFaces(count, 0, 64).labels
        counts = np.bincount(labels, minlength=7)
        assert (labels.dtype, len(labels), counts.min(), counts.max()) == (np.int64, count, least, most)

    def test_labels_are_shuffled(self):
        labels = DrawnFaces(700, 0, 64).labels.reshape(100, 7)
        assert len({tuple(block) for block in labels.tolist()}) > 90

    def test_a_pickle_is_small_and_draws_the_same(self):
        faces = DrawnFaces(100, 0, 64)
        data = pickle.dumps(faces)
        assert len(data) < 2000
        assert np.array_equal(pickle.loads(data).read(5), faces.read(5))

    def test_an_index_out_of_range_is_refused(self):
        with pytest.raises(IndexError):
            DrawnFaces(5, 0, 64).read(5)

    @pytest.mark.parametrize("arguments", [(-1, 0, 64), (1, -1, 64), (1, 0, 7)])
    def test_impossible_arguments_are_refused(self, arguments):
        with pytest.raises(ValueError, match="expected count >= 0, seed >= 0 and size >= 8"):
            DrawnFaces(*arguments)


class TestExpression:
    @pytest.mark.parametrize(
        ("label", "units"),
        [
            ("anger", {"brow_lower", "lid_tighten"}),
            ("disgust", {"nose_wrinkle", "upper_lip_raise"}),
            ("fear", {"inner_brow_raise", "brow_lower", "upper_lid_raise", "lip_stretch"}),
            ("happiness", {"cheek_raise", "lip_corner_pull"}),
            ("sadness", {"inner_brow_raise", "lip_corner_depress"}),
            ("surprise", {"inner_brow_raise", "outer_brow_raise", "upper_lid_raise", "jaw_drop"}),
        ],
    )
    def test_a_prototype_moves_its_action_units(self, label, units):
        for variant in range(3):
            face = prototype(label, 1.0, variant)
            assert all(getattr(face, unit) >= 0.3 for unit in units)

    def test_only_happiness_pulls_the_lip_corners_up(self):
        pulled = {name for name in EXPRESSIONS if prototype(name).lip_corner_pull > 0.3}
        assert pulled == {"happiness"}

    def test_intensity_scales_every_unit(self):
        full, half = prototype("fear").values(), prototype("fear", 0.5).values()
        assert half == pytest.approx([0.5 * value for value in full])
        assert prototype("fear", 0.0) == prototype("neutral") == Expression()

    def test_a_blend_lies_between(self):
        face = Expression(jaw_drop=1.0).blend(Expression(nose_wrinkle=0.4), 0.25)
        assert (face.jaw_drop, face.nose_wrinkle, face.cheek_raise) == pytest.approx((0.75, 0.1, 0.0))

    @pytest.mark.parametrize("label", range(7))
    def test_sampled_faces_scatter_about_their_prototypes(self, label):
        rng = np.random.default_rng(0)
        samples = np.array([sample_expression(rng, label).values() for _ in range(200)])
        assert samples.shape == (200, len(UNITS))
        assert samples.min() == 0
        assert samples.max() < 1.5
        means = {
            name: np.mean([prototype(name, 0.7, variant).values() for variant in range(6)], axis=0)
            for name in EXPRESSIONS
        }
        nearest = min(means, key=lambda name: float(np.abs(samples.mean(0) - means[name]).sum()))
        assert nearest == EXPRESSIONS.names[label]


class TestGeometry:
    def test_a_curve_passes_through_its_points(self):
        points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
        assert curve(points, steps=5)[::5] == pytest.approx(points)

    def test_a_roll_of_ninety_degrees_turns_right_into_down(self):
        canvas = Canvas(Pose(roll=np.pi / 2), scale=10, origin=(5, 7))
        assert canvas.place(np.array([[1.0, 0.0]]))[0] == pytest.approx((5, 17))

    def test_yaw_moves_what_has_depth(self):
        nose = np.zeros((1, 2))
        ahead, turned = Canvas(Pose()), Canvas(Pose(yaw=0.3))
        assert turned.place(nose, 0.5)[0, 0] - ahead.place(nose, 0.5)[0, 0] == pytest.approx(0.15)

    def test_a_dropped_jaw_makes_the_face_longer(self):
        rest, open_ = (face_box(Canvas(Pose()), PERSON, Expression(jaw_drop=drop)) for drop in (0.0, 1.0))
        assert open_[3] - rest[3] > 0.05
        assert open_[:3] == pytest.approx(rest[:3], abs=0.02)


class TestScenes:
    @pytest.mark.parametrize("index", range(6))
    def test_boxes_lie_inside_and_apart(self, index):
        scene = draw_scene(0, index)
        assert scene.image.shape == (480, 640, 3)
        assert scene.image.dtype == np.uint8
        assert 1 <= len(scene.labels) <= 6
        boxes = scene.boxes
        assert boxes.dtype == np.float32
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (640, 480)).all()
        heights = boxes[:, 3] - boxes[:, 1]
        assert ((heights > 59) & (heights < 221)).all()
        pairs = [(a, b) for a in range(len(boxes)) for b in range(a)]
        assert all(overlap(boxes[a], boxes[b]) == 0 for a, b in pairs)

    def test_the_number_of_faces_covers_the_range_asked_for(self):
        counts = {len(draw_scene(1, index, (320, 160), (2, 4)).labels) for index in range(30)}
        assert counts == {2, 3, 4}

    def test_scenes_follow_from_seed_and_index(self):
        first, again, other = draw_scene(5, 1), draw_scene(5, 1), draw_scene(5, 2)
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.boxes, again.boxes)
        assert not np.array_equal(first.image, other.image)
        assert (first.key, other.key) == ("scene-5-1", "scene-5-2")

    def test_mtcnn_finds_nearly_all_faces(self):
        detector = MTCNN(keep_all=True, post_process=False)
        found = total = 0
        for index in range(4):
            scene = draw_scene(7, index)
            boxes, scores = detector.detect(scene.image)
            boxes = boxes[scores > 0.9].astype(np.float32)
            for box in scene.boxes:
                area = np.prod(box[2:] - box[:2])
                found += any(overlap(box, b) / (area + np.prod(b[2:] - b[:2]) - overlap(box, b)) > 0.6 for b in boxes)
                total += 1
        assert total >= 8
        assert found >= total - 1

    def test_a_portrait_has_the_height_asked_for(self):
        portrait = draw_portrait(0, 0, label=3, face_height=80)
        assert portrait.image.shape == (240, 240, 3)
        assert portrait.labels.tolist() == [3]
        assert portrait.boxes[0, 3] - portrait.boxes[0, 1] == pytest.approx(80, abs=0.01)


def test_people_differ():
    rng = np.random.default_rng(0)
    people = [sample_identity(rng) for _ in range(200)]
    assert len({who.style for who in people}) == 13
    assert 20 <= sum(who.glasses != "" for who in people) <= 70
    assert 20 <= sum(who.beard > 0 for who in people) <= 90
    assert len({who.skin for who in people}) > 120


def test_the_contact_sheet_has_a_column_a_class():
    sheet = contact_sheet(rows=2, size=64, seed=0)
    assert sheet.size == (7 * 66 + 2, 18 + 2 * 66 + 2)
    faces = DrawnFaces(14, 0, 64)
    first_sadness = int(np.flatnonzero(faces.labels == 5)[0])
    pasted = np.asarray(sheet)[20:84, 2 + 5 * 66 : 66 + 5 * 66]
    assert np.array_equal(pasted, faces.read(first_sadness))
