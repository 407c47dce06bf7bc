"""Settings that do not go together are reported all at once."""

import pytest

from mien.config.check import problems_of
from mien.config.check_protocol import rule_problems
from mien.config.load import from_yaml, plain, to_yaml
from mien.config.schema import (
    AugmentConfig,
    BackboneConfig,
    CropConfig,
    DatasetConfig,
    DetectorConfig,
    FeaturesConfig,
    HeadConfig,
    LossConfig,
    MixedPartConfig,
    OptimizerConfig,
    ProtocolConfig,
    ScenesConfig,
    ScheduleConfig,
    TrainerConfig,
)
from tiny import small_config


def mix(*members, **changes):
    """A mix of sets named a, b, c."""
    return DatasetConfig("mixed", mixed=dict(zip("abc", members, strict=False)), **changes)


VIEWS = BackboneConfig("small_cnn", cache_features=FeaturesConfig(2))


def test_a_right_config_has_no_problems():
    assert problems_of(small_config()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"optimizer": OptimizerConfig("adamw", lr=-1.0)}, "optimizer.lr: expected 0 or more, got -1"),
        ({"trainer": TrainerConfig(max_epochs=0)}, "trainer.max_epochs: expected 1 or more, got 0"),
        ({"trainer": TrainerConfig(devices="two")}, "trainer.devices: expected auto or a number"),
        ({"trainer": TrainerConfig(num_nodes=0)}, "trainer.num_nodes: expected 1 or more, got 0"),
        (
            {"trainer": TrainerConfig(strategy="ddp", accelerator="cpu", devices="auto")},
            "trainer.devices: on the CPU, say how many processes train",
        ),
        (
            {"trainer": TrainerConfig(accelerator="cpu", sync_batchnorm=True)},
            "trainer.sync_batchnorm: PyTorch has it on GPUs only",
        ),
        ({"trainer": TrainerConfig(precision="fp32")}, "trainer.precision: unknown value 'fp32'"),
        ({"backbone": BackboneConfig("timm")}, "backbone.model: backbone=timm needs a name"),
        ({"backbone": BackboneConfig("small_cnn", weights="imagenet")}, "no ImageNet weights of small_cnn"),
        ({"backbone": BackboneConfig("small_cnn", freeze="all")}, "backbone.freeze=all would keep random weights"),
        ({"head": HeadConfig("mlp", [4, 4], [0.1])}, "expected one dropout a hidden layer"),
        ({"augment": AugmentConfig(crop=0.95)}, "augment.crop: expected 0 to 0.9, got 0.95"),
        ({"augment": AugmentConfig(blur=1.5)}, "augment.blur: expected 0 to 1, got 1.5"),
        ({"augment": AugmentConfig(low_resolution=-0.5)}, "augment.low_resolution: expected 0 to 1, got -0.5"),
        ({"augment": AugmentConfig(jpeg=30.0)}, "augment.jpeg: expected 0 to 1, got 30"),
        ({"augment": AugmentConfig(mixup=-0.1)}, "augment.mixup: expected 0 to 1, got -0.1"),
        ({"augment": AugmentConfig(mixup=0.7, cutmix=0.5)}, "expected a sum of 1 at most, got 0.7 + 0.5"),
        ({"augment": AugmentConfig(cutmix=0.5, mix_alpha=0.0)}, "augment.mix_alpha: expected a number above 0, got 0"),
        (
            {"augment": AugmentConfig(cutmix=0.5), "loss": LossConfig("focal")},
            "loss=focal takes no mixed labels; use loss=cross_entropy, or set augment.mixup and augment.cutmix to 0",
        ),
        ({"augment": AugmentConfig(repeats=0)}, "augment.repeats: expected 1 to 100, got 0"),
        ({"augment": AugmentConfig(cut=True)}, "augment.cut: images come no larger than the network's input"),
        (
            {"augment": AugmentConfig(cut=True), "dataset": DatasetConfig("drawn_faces", decode_size=16)},
            "augment.cut: images come no larger than the network's input",
        ),
        ({"protocol": ProtocolConfig("clean", ten_crop=16)}, "images of 16 px leave no room for crops of"),
        (
            {"protocol": ProtocolConfig("clean", ten_crop=20, flip_average=True)},
            "protocol.ten_crop: five of the ten are mirror images already",
        ),
        (
            {
                "protocol": ProtocolConfig("clean", ten_crop=20),
                "dataset": DatasetConfig("drawn_faces", decode_size=18),
            },
            "dataset.decode_size: expected protocol.ten_crop=20 or more, got 18",
        ),
        ({"schedule": ScheduleConfig("step", start_epoch=-1)}, "schedule.start_epoch: expected 0 or more, got -1"),
        ({"trainer": TrainerConfig(gradient_clip_by="max")}, "trainer.gradient_clip_by: unknown value 'max'"),
        ({"loss": LossConfig("focal", label_smoothing=0.1)}, "the focal loss has none"),
        ({"dataset": DatasetConfig("fer2013", version="v1")}, "fer2013 has no versions"),
        ({"dataset": DatasetConfig("mixed")}, "dataset.mixed: expected sets, got none"),
        (
            {"dataset": DatasetConfig("drawn_faces", mixed={"a": MixedPartConfig("fer2013")})},
            "dataset.mixed: names sets, but the data set is drawn_faces; pass dataset=mixed",
        ),
        ({"dataset": mix(MixedPartConfig("drawn_faces"), root="x")}, "dataset=mixed has a root for each set"),
        (
            {"dataset": mix(MixedPartConfig("fer2013", version="v1"))},
            "dataset.mixed.a.version: fer2013 has no versions",
        ),
        ({"dataset": mix(MixedPartConfig("mixed"))}, "dataset.mixed.a.name: expected a data set, got 'mixed'"),
        (
            {"dataset": mix(MixedPartConfig("drawn_faces", weight=0.0))},
            "dataset.mixed.a.weight: expected a number above",
        ),
        ({"dataset": mix(MixedPartConfig("drawn_faces", weight=float("nan")))}, "up to 100, got nan"),
        ({"schedule": ScheduleConfig("onecycle", warmup_epochs=1)}, "schedule=onecycle has none"),
        ({"schedule": ScheduleConfig("onecycle", pct_start=1)}, "schedule.pct_start=1: expected less than 1"),
        ({"schedule": ScheduleConfig("step", step_size=0)}, "schedule.step_size: expected 1 or more, got 0"),
        ({"trainer": TrainerConfig(limit_train_batches=2.5)}, "a whole number of batches, or a share up to 1.0"),
        ({"detector": DetectorConfig("mtcnn", min_face_size=0)}, "detector.min_face_size: expected 1 or more"),
        ({"detector": DetectorConfig("mtcnn", factor=1.0)}, "detector.factor: expected 0.1 to 0.99, got 1"),
        ({"detector": DetectorConfig("mtcnn", thresholds=[0.6, 2, 0.7])}, "expected three scores of 0 to 1"),
        ({"detector": DetectorConfig("haar", scale_factor=1.0)}, "detector.scale_factor: expected 1.01 to 10, got 1"),
        ({"scenes": ScenesConfig("collages", split="tset")}, "scenes.split: unknown value 'tset'; did you mean 'test'"),
        ({"scenes": ScenesConfig("collages", count=0)}, "scenes.count: expected 1 or more, got 0"),
        ({"crop": CropConfig(margin=-0.95)}, "crop.margin: expected -0.9 to 10, got -0.95"),
        ({"crop": CropConfig(edge="clipp")}, "crop.edge: unknown value 'clipp'; did you mean 'clip'?"),
        ({"crop": CropConfig(preprocess="study_b")}, "crop.preprocess: unknown value 'study_b'; did you mean"),
        (
            {"crop": CropConfig(preprocess="study_a", align=True)},
            "crop.preprocess=study_a takes the box as it is: set crop.margin=0, crop.align=false and crop.edge=clip",
        ),
        (
            {"crop": CropConfig(preprocess="study_a"), "dataset": DatasetConfig("drawn_faces", faces="detected")},
            "dataset.faces=detected: study A resized its training images otherwise; use crop.preprocess=standard",
        ),
        ({"dataset": DatasetConfig("drawn_faces", faces="found")}, "dataset.faces: unknown value 'found'"),
        ({"optimizer": OptimizerConfig("sgd", momentum=0.0, nesterov=True)}, "needs a momentum above 0"),
        ({"dataset": DatasetConfig("drawn_faces", cache="False")}, "dataset.cache: expected auto, off or a folder"),
        ({"dataset": DatasetConfig("drawn_faces", cache="")}, "dataset.cache: expected auto, off or a folder, got ''"),
        ({"backbone": VIEWS}, "only a frozen backbone's features stay the same; set backbone.freeze=all"),
        ({"seed": -1}, "seed: expected 0 to"),
        ({"resume": "yes"}, "resume: unknown value 'yes'; known: auto, never"),
    ],
)
def test_a_problem_names_its_key(changes, expected):
    problems = problems_of(small_config(**changes))
    assert len(problems) == 1
    assert expected in problems[0]


def test_cached_features_need_a_cache_and_images_that_are_not_mixed():
    wrong = small_config(
        backbone=VIEWS, dataset=DatasetConfig("drawn_faces", cache="off"), augment=AugmentConfig(mixup=0.5)
    )
    problems = "\n".join(problems_of(wrong))
    assert "backbone.cache_features: needs a cache; set dataset.cache=auto or a folder" in problems
    assert "images cannot be mixed behind the backbone" in problems


@pytest.mark.parametrize(
    "changes", [{"protocol": ProtocolConfig("clean", ten_crop=70)}, {"augment": AugmentConfig(repeats=2)}]
)
def test_cached_features_have_views_of_their_own(changes):
    problems = problems_of(small_config(backbone=VIEWS, **changes))
    assert "backbone.cache_features: has views of its own; set protocol.ten_crop=0 and augment.repeats=1" in problems


def test_ten_crops_may_be_trained_on_cuts_of_the_same_images():
    ten_crops = {"protocol": ProtocolConfig("clean", ten_crop=20), "augment": AugmentConfig(cut=True)}
    assert problems_of(small_config(**ten_crops)) == []
    assert problems_of(small_config(dataset=DatasetConfig("drawn_faces", decode_size=24), **ten_crops)) == []


def test_a_mix_may_hold_a_set_twice_and_half_of_it():
    assert (
        problems_of(small_config(dataset=mix(MixedPartConfig("drawn_faces", weight=0.5), MixedPartConfig("fer2013"))))
        == []
    )


def test_problems_come_together():
    assert len(problems_of(small_config(seed=-1, trainer=TrainerConfig(max_epochs=0), resume="x"))) == 3


def test_every_image_may_be_mixed():
    assert problems_of(small_config(augment=AugmentConfig(mixup=0.3, cutmix=0.7, crop=0.9))) == []


def test_zero_is_a_value():
    assert problems_of(small_config(seed=0, optimizer=OptimizerConfig("sgd", lr=0.0))) == []


@pytest.mark.parametrize("name", ["clean", "mine"])
def test_selecting_on_the_test_split_is_refused_under_another_name(name):
    problems = list(rule_problems(ProtocolConfig(name, selection="test")))
    assert any("choosing on the test split and reporting it is no clean protocol" in line for line in problems)


def test_selecting_on_the_test_split_is_refused_though_another_is_reported():
    problems = list(rule_problems(ProtocolConfig("mine", selection="test", report="validation")))
    assert any("choosing on the test split is no clean protocol; use selection=validation" in line for line in problems)


def test_published_may_select_on_the_test_split():
    assert list(rule_problems(ProtocolConfig("published", selection="test"))) == []


def test_the_reported_split_is_looked_at_once_but_in_a_published_protocol():
    (problem,) = rule_problems(ProtocolConfig("clean", report_curve=True))
    assert "a clean protocol looks at the reported split once; use protocol=published" in problem
    (problem,) = rule_problems(ProtocolConfig("published", selection="test", report_curve=True))
    assert "epochs are chosen on test already" in problem
    assert list(rule_problems(ProtocolConfig("published", report_curve=True))) == []


def test_what_needs_a_selection_split_is_refused_without_one():
    protocol = ProtocolConfig("published", selection="none")
    wrong = small_config(protocol=protocol, schedule=ScheduleConfig("plateau"), trainer=TrainerConfig(early_stopping=3))
    assert len([line for line in problems_of(wrong) if "needs a selection split" in line]) == 3


def test_a_config_survives_yaml(tmp_path):
    (tmp_path / "config.yaml").write_text(to_yaml(small_config(seed=7)))
    assert plain(from_yaml(tmp_path / "config.yaml")) == plain(small_config(seed=7))
