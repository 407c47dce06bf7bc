"""Cached features of a frozen backbone: what the backbone gives, kept and shared."""

from dataclasses import replace

import pytest
import torch

from mien.augment import Augment
from mien.cache.store import ArrayStore
from mien.config.schema import (
    AugmentConfig,
    BackboneConfig,
    FeaturesConfig,
    HeadConfig,
    OptimizerConfig,
    TrainerConfig,
)
from mien.data.batches import Labelled, whole
from mien.errors import MienError
from mien.models.factory import build_classifier, input_spec
from mien.models.normalise import Normalise
from mien.seeds import derive
from mien.training.data import ExpressionData
from mien.training.features import Features
from mien.training.fit import RunPlace, fit
from tiny import small_config

IMAGES = torch.randint(0, 256, (40, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(40) % 7


def config(views=2, moving=False, **augment):
    backbone = BackboneConfig("small_cnn", image_size=16, freeze="all", freeze_batchnorm=not moving)
    return small_config(
        backbone=replace(backbone, cache_features=FeaturesConfig(views)),
        head=HeadConfig("linear"),
        augment=AugmentConfig(**augment),
        optimizer=OptimizerConfig("sgd", lr=1e-3),
        trainer=TrainerConfig(max_epochs=3, accelerator="cpu", precision="32-true"),
    )


def data(rows=None):
    train = whole(IMAGES, LABELS) if rows is None else Labelled(IMAGES, rows, LABELS[rows])
    held_out = whole(IMAGES[:9], LABELS[:9]), whole(IMAGES[9:16], LABELS[9:16])
    return ExpressionData(train, held_out[0], 8, seed=0, reported=held_out[1])


def classifier(settings):
    torch.manual_seed(0)
    built = build_classifier(settings.backbone, settings.head, 7)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var *= 0.1  # features of about 1
    return built


@pytest.fixture
def store(tmp_path):
    return ArrayStore(tmp_path / "cache")


def features(settings, store, given=None, built=None):
    built = built or classifier(settings)
    made = Features(settings, built.backbone, input_spec(settings.backbone), "cpu", store)
    return made.of(given or data())


def direct(settings, images, seed):
    """What the backbone gives for one view, without the cache."""
    built, spec = classifier(settings).eval(), input_spec(settings.backbone)
    images = images.float() / 255
    if seed is not None:
        images = Augment(settings.augment, 16)(images, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return built.backbone(Normalise(spec)(images))


def test_views_and_selection_are_what_the_backbone_gives(store):
    settings = config(rotate=20, flip=0.5)
    got = features(settings, store)
    assert got.train_images.values.shape == (80, 256)
    assert got.train_images.values.dtype == torch.float16
    assert got.train_images.views == 2
    assert got.on_features
    for view in (0, 1):
        expected = direct(settings, IMAGES, derive(0, view))
        torch.testing.assert_close(got.train_images.values[40 * view :][:40].float(), expected, rtol=1e-3, atol=1e-3)
    assert not torch.equal(got.train_images.values[:40], got.train_images.values[40:])
    assert got.train_images.values.float().std() > 0.1
    for held_out, rows in ((got.selection_images, slice(9)), (got.reported_images, slice(9, 16))):
        expected = direct(settings, IMAGES[rows], None)
        torch.testing.assert_close(held_out.values.float(), expected, rtol=1e-3, atol=1e-3)
        assert held_out.views == 1


def test_a_part_of_the_images(store):
    rows = torch.tensor([30, 2, 17])
    got = features(config(1), store, data(rows)).train_images
    torch.testing.assert_close(got.values.float(), direct(config(1), IMAGES[rows], None), rtol=1e-3, atol=1e-3)
    assert got.rows.tolist() == [0, 1, 2]
    assert got.labels.tolist() == LABELS[rows].tolist()


def count(store):
    return len(list(store.folder.glob("*.npy")))


def test_computed_once_for_all_seeds_and_heads(store, monkeypatch):
    first = features(config(), store)
    monkeypatch.setattr(Features, "_compute", None)
    second = features(replace(config(), seed=5, head=HeadConfig("mlp", [4], [0.0])), store)
    assert torch.equal(first.train_images.values, second.train_images.values)
    assert count(store) == 3  # train, selection split, reported split


@pytest.mark.parametrize("what", ["views", "augmentation", "weights", "images", "precision", "normalisation"])
def test_what_the_features_depend_on_is_in_the_key(what, store):
    settings = config()
    features(settings, store)
    before, built, given = count(store), classifier(settings), data()
    if what == "views":
        settings = config(3)
    if what == "augmentation":
        settings = config(flip=0.5)
    if what == "weights":
        built.backbone.trunk[0][0].weight.data[0] += 0.1
    if what == "images":
        given = ExpressionData(whole(IMAGES.flip(0), LABELS), given.selection_images, 8, 0)
    if what == "precision":
        settings = replace(settings, trainer=replace(settings.trainer, precision="bf16-mixed"))
    if what == "normalisation":
        settings = replace(settings, backbone=replace(settings.backbone, mean=[0.4] * 3, std=[0.5] * 3))
    features(settings, store, given, built)
    new = {"views": 1, "augmentation": 1, "images": 1}.get(what, 3)
    assert count(store) == before + new


def test_the_pool_is_in_the_key(store):
    """Two networks of equal weights and width that differ in how they pool."""
    keys = set()
    for pool in ("auto", "avg"):
        backbone = BackboneConfig("timm", "convnext_atto", image_size=32, freeze="all", pool=pool)
        settings = replace(config(1), backbone=replace(backbone, cache_features=FeaturesConfig(1)))
        images = whole(IMAGES[:4].repeat(1, 1, 2, 2), LABELS[:4])
        features(settings, store, ExpressionData(images, None, 4, 0))
        keys |= {path.name for path in store.folder.glob("*.npy")}
    assert len(keys) == 2


def test_dropout_in_a_moving_backbone_does_not_follow_the_runs_seed(store, tmp_path):
    settings = config(1, moving=True)
    backbone = BackboneConfig("fer_vgg", image_size=18, freeze="all", freeze_batchnorm=False)
    settings = replace(settings, backbone=replace(backbone, cache_features=FeaturesConfig(1)))
    images = ExpressionData(whole(torch.randint(0, 256, (17, 3, 18, 18), dtype=torch.uint8), LABELS[:17]), None, 8, 0)
    torch.manual_seed(0)
    state, made = build_classifier(settings.backbone, settings.head, 7).state_dict(), []
    for seed in (1, 2):
        built = build_classifier(settings.backbone, settings.head, 7)
        built.load_state_dict(state)
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        made.append(features(settings, ArrayStore(tmp_path / str(seed)), images, built).train_images.values)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*made)
    assert (made[0] == 0).float().mean() > 0.4  # dropout was there; 17 images in batches of 8 left none alone


def test_a_frozen_backbone_gets_no_graph():
    built = classifier(config())
    features = built.train().backbone(torch.rand(2, 3, 16, 16))
    assert features.grad_fn is None
    assert built.head(features).grad_fn is not None


def test_moving_batch_norms_move_as_the_views_pass_and_are_kept(store):
    settings = config(3, moving=True, flip=0.5)
    first, second = classifier(settings), classifier(settings)
    start = {name: value.clone() for name, value in first.backbone.named_buffers()}
    one = features(settings, store, built=first)
    two = features(settings, store, built=second)
    steps = first.backbone.get_buffer("trunk.stem.1.num_batches_tracked")
    assert int(steps) == 3 * 5
    for name, value in first.backbone.named_buffers():
        assert torch.equal(value, second.backbone.get_buffer(name)), name
        assert not torch.equal(value, start[name]), name
    assert torch.equal(one.train_images.values, two.train_images.values)
    assert torch.equal(one.selection_images.values, two.selection_images.values)


def test_features_beyond_float16_are_refused(store):
    built = classifier(config())
    built.backbone.trunk.stage3.activation = torch.nn.Hardtanh(1e6, 2e6)
    with pytest.raises(MienError, match="too large for float16"):
        features(config(), store, built=built)
    assert count(store) == 0


def test_the_head_learns_as_it_does_behind_the_frozen_backbone(store, tmp_path):
    """One view without augmentation: the same losses, but for the rounding of features to float16."""
    settings, losses, states = config(1), [], []
    for cached in (False, True):
        built = classifier(settings)
        given = features(settings, store, built=built) if cached else data()
        spec = input_spec(settings.backbone)
        fit(settings, built, spec, given, RunPlace(tmp_path / str(cached)))
        losses.append((tmp_path / str(cached) / "metrics.csv").read_text())
        states.append(built.state_dict())
    rows = [[[float(value) for value in line.split(",")[:8]] for line in text.splitlines()[1:]] for text in losses]
    assert rows[0][2][2] < 0.9 * rows[0][0][2]  # the train loss falls
    torch.testing.assert_close(torch.tensor(rows[1]), torch.tensor(rows[0]), rtol=2e-3, atol=2e-3)
    assert torch.equal(states[0]["backbone.trunk.stem.0.weight"], states[1]["backbone.trunk.stem.0.weight"])
