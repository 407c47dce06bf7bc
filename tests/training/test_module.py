"""The training step under reduced precision."""

import pytest
import torch
from torchvision.transforms.functional import ten_crop

from mien.augment import Augment
from mien.config.schema import (
    AugmentConfig,
    BackboneConfig,
    HeadConfig,
    OptimizerConfig,
    ProtocolConfig,
    TrainerConfig,
)
from mien.data.batches import Batch, whole
from mien.mix import Mix
from mien.models.factory import build_classifier, input_spec
from mien.models.normalise import Normalise
from mien.models.views import Views
from mien.training.data import ExpressionData
from mien.training.fit import RunPlace, fit
from mien.training.module import ExpressionModule
from tiny import small_config

BACKBONE = BackboneConfig("small_cnn", image_size=32)


def module(backbone=BACKBONE, loss=None, **mix):
    torch.manual_seed(0)
    classifier = build_classifier(backbone, HeadConfig("auto"), 7)
    optimizer = torch.optim.SGD(classifier.parameters(), 0.1)
    seen = []
    normalise = Normalise(input_spec(backbone))
    normalise.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    built = ExpressionModule(
        classifier=classifier,
        augment=Augment(AugmentConfig(rotate=10, scale=0.1), backbone.image_size),
        normalise=normalise,
        views=Views(backbone.image_size),
        mix=Mix(AugmentConfig(**mix), 7),
        loss=loss or torch.nn.CrossEntropyLoss(),
        optimizer=optimizer,
        schedule=torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0),
        plateau_monitor="val_loss",
        num_classes=7,
        seed=0,
        on_features=False,
        on_epoch=lambda _: None,
    )
    return built, seen


def test_reduced_precision_does_not_touch_the_augmentation():
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(4)
    inputs = []
    for enabled in (False, True):
        built, seen = module()
        built.generator.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            built.training_step(Batch(images, labels, 4, 1.0), 0)
        inputs.append(seen[0])
    assert torch.equal(*inputs)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_loss_sees_mixed_labels_and_the_score_the_images_own(precision):
    loss, targets = torch.nn.CrossEntropyLoss(), []
    loss.register_forward_pre_hook(lambda _module, inputs: targets.append(inputs[1]))
    built, _ = module(loss=loss, mixup=0.5, cutmix=0.5)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 3, 6])
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    built.generator.manual_seed(0)
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        value = built.training_step(Batch(images, labels, 8, 1.0), 0)
        built.validation_step(Batch(images, labels, 8, 1.0), 0)
    assert targets[0].shape == (8, 7)
    assert targets[0].max(1).values.min() < 0.9
    assert torch.equal(targets[1], labels)
    assert float(built.scores["train"].compute()["loss"]) == pytest.approx(float(value.detach()))
    for score in built.scores.values():
        assert score.confusion.view(7, 7).sum(1).tolist() == [3, 2, 1, 1, 0, 0, 1]


def test_an_image_can_stand_in_its_batch_several_times():
    built, seen = module()
    built.augment = Augment(AugmentConfig(rotate=10, repeats=3), 32)
    built.generator.manual_seed(0)
    built.training_step(Batch(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), torch.arange(4), 4, 1.0), 0)
    assert len(seen[0]) == 12
    assert not torch.equal(seen[0][0], seen[0][1])
    assert built.scores["train"].confusion.view(7, 7).sum(1).tolist() == [3, 3, 3, 3, 0, 0, 0]


def test_the_selection_split_is_seen_in_ten_crops_as_the_test_is():
    built, _ = module()
    built.eval()
    built.views = Views(32, ten_crop=36)
    images, labels = torch.randint(0, 256, (8, 3, 36, 36), dtype=torch.uint8), torch.arange(8) % 7
    with torch.no_grad():
        built.validation_step(Batch(images, labels, 8, 1.0), 0)
        crops = [built.classifier(built.normalise(crop)) for crop in ten_crop(images, [32, 32])]
    probability = torch.stack([logits.softmax(1) for logits in crops]).mean(0)
    expected = -probability[torch.arange(8), labels].log().mean()
    assert float(built.scores["val"].compute()["loss"]) == pytest.approx(float(expected), abs=1e-5)
    hits = int((probability.argmax(1) == labels).sum())
    assert float(built.scores["val"].compute()["accuracy"]) == pytest.approx(hits / 8)


def test_the_penalty_of_study_b_is_part_of_both_losses():
    config = BackboneConfig("fer_vgg", image_size=48, channels=1, mean=[0.0], std=[1.0])
    built, _ = module(config, lambda logits, _: 0 * logits.sum())
    expected = 0.01 * float(built.classifier.backbone.trunk[0].weight.detach().square().sum())
    batch = Batch(torch.randint(0, 256, (4, 1, 48, 48), dtype=torch.uint8), torch.arange(4), 4, 1.0)
    assert float(built.training_step(batch, 0).detach()) == pytest.approx(expected)
    with torch.no_grad():
        built.validation_step(batch, 0)
    assert float(built.scores["val"].compute()["loss"]) == pytest.approx(expected)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_can_be_clipped_in_every_precision(precision, optimizer, tmp_path):
    config = small_config(
        backbone=BACKBONE,
        optimizer=OptimizerConfig(optimizer, lr=1e-3),
        protocol=ProtocolConfig("clean", selection="none", checkpoint="last"),
        trainer=TrainerConfig(max_epochs=1, accelerator="cpu", precision=precision, gradient_clip=0.1),
    )
    data = ExpressionData(
        whole(torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8), torch.arange(16) % 7), None, 8, 0
    )
    classifier = build_classifier(BACKBONE, HeadConfig("auto"), 7)
    assert fit(config, classifier, input_spec(BACKBONE), data, RunPlace(tmp_path)).epochs == 1


def test_gradients_can_be_clipped_number_by_number(tmp_path):
    """One step of plain SGD at rate 1 moves no weight by more than the largest gradient."""
    config = small_config(
        backbone=BACKBONE,
        optimizer=OptimizerConfig("sgd", lr=1.0, momentum=0.0),
        protocol=ProtocolConfig("clean", selection="none", checkpoint="last"),
        trainer=TrainerConfig(
            max_epochs=1, accelerator="cpu", precision="32-true", gradient_clip=1e-3, gradient_clip_by="value"
        ),
    )
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    classifier = build_classifier(BACKBONE, HeadConfig("auto"), 7)
    before = [parameter.detach().clone() for parameter in classifier.parameters()]
    fit(
        config,
        classifier,
        input_spec(BACKBONE),
        ExpressionData(whole(images, torch.arange(8) % 7), None, 8, 0),
        RunPlace(tmp_path),
    )
    moved = torch.cat(
        [(p.detach() - old).abs().flatten() for p, old in zip(classifier.parameters(), before, strict=True)]
    )
    assert float(moved.max()) == pytest.approx(1e-3, rel=1e-3)
    assert int((moved > 0.99e-3).sum()) > 100  # one norm of all would leave this to one number
