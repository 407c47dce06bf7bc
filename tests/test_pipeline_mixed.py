"""A run on a mix of two sets, from config to files."""

from dataclasses import replace
from io import StringIO

import pandas as pd
import PIL.Image
import pytest
import torch
from rich.console import Console

from mien.config.evaluate import EvaluateConfig
from mien.config.schema import (
    BackboneConfig,
    Config,
    DatasetConfig,
    DetectorConfig,
    DrawnConfig,
    FeaturesConfig,
    LossConfig,
    MixedPartConfig,
    ScenesConfig,
    TrainerConfig,
)
from mien.data.drawn import DrawnFaces
from mien.errors import RunFolderError
from mien.models.bundle import Bundle
from mien.pipeline import evaluate_model, run
from mien.report.record import record
from mien.report.tables import print_summary
from mien.report.wording import interval, percent
from mien.results import RunResult
from tiny import small_config

NAMES = ("Angry", "Disgusted", "Fearful", "Happy", "Neutral", "Sad", "Surprised")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Seven drawn faces of each class, in class folders."""
    root = tmp_path_factory.mktemp("data") / "faces"
    faces = DrawnFaces(49, 5, 32)
    for index, label in enumerate(faces.labels):
        target = root / NAMES[label] / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(faces.read(index)).save(target)
    return root


def mixed(root, weight=2.5, **changes) -> Config:
    members = {
        "drawn": MixedPartConfig("drawn_faces"),
        "photos": MixedPartConfig("image_folder", str(root), weight=weight),
    }
    dataset = DatasetConfig(
        "mixed", batch_size=16, cache="off", drawn=DrawnConfig(14, 7, 7, 32), split_seed=3, mixed=members
    )
    trainer = TrainerConfig(max_epochs=2, accelerator="cpu", precision="32-true")
    return small_config(dataset=dataset, trainer=trainer, **changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("runs") / "mixed"
    return folder, run(mixed(root, loss=LossConfig("cross_entropy", class_weights="balanced")), folder)


def test_every_set_has_its_scores(finished):
    folder, result = finished
    table = pd.read_parquet(folder / "predictions.parquet")
    own = table.groupby(table["key"].str.split("/").str[0])
    right = table["label"] == table["predicted"]
    assert {row.name: row.n for row in result.test.per_set} == own.size().to_dict() == {"drawn": 7, "photos": 7}
    for row in result.test.per_set:
        mine = right[table["key"].str.startswith(row.name)]
        assert row.accuracy == pytest.approx(mine.mean())
        assert row.macro_recall == pytest.approx(mine.groupby(table["label"]).mean().mean())
        assert row.accuracy_ci95[0] <= row.accuracy <= row.accuracy_ci95[1]
    assert RunResult.load(folder).test == result.test
    assert result.dataset["version"] == "drawn_faces + image_folder"


def test_the_sets_stand_in_summary_and_record(finished):
    folder, result = finished
    console = Console(width=80, file=StringIO())
    print_summary(result, folder, [], console)
    row = result.test.per_set[1]
    cells = ["photos", "7", percent(row.accuracy), interval(row.accuracy_ci95), percent(row.macro_recall)]
    assert " ".join(cells) in " ".join(console.file.getvalue().split())
    assert f"| {' | '.join(cells)} |" in record(folder)


def test_a_moved_set_is_the_same_experiment_and_another_weight_is_not(finished, root, tmp_path):
    moved = tmp_path / "moved"
    moved.symlink_to(root)
    loss = LossConfig("cross_entropy", class_weights="balanced")
    assert run(mixed(moved, loss=loss), finished[0]) == finished[1]
    with pytest.raises(RunFolderError, match=r"dataset\.mixed\.photos\.weight: there 2\.5, now 1\.0"):
        run(mixed(root, 1.0, loss=loss), finished[0])


def scored(finished, folder, dataset, split="test"):
    photos = {"detector": DetectorConfig("whole_image"), "scenes": ScenesConfig("none")}
    evaluate_model(EvaluateConfig(str(finished[0]), dataset, **photos, split=split, accelerator="cpu"), folder)
    return pd.read_parquet(folder / "predictions.parquet")["key"].tolist()


def test_its_sets_are_cut_as_in_training_when_they_are_scored_alone(finished, root, tmp_path):
    """Though the command asks for another cut: else images that were trained on would stand in the test."""
    mix, alone = replace(mixed(root).dataset, split_seed=9), DatasetConfig("image_folder", str(root), split_seed=9)
    tests = pd.read_parquet(finished[0] / "predictions.parquet")["key"].tolist()
    assert scored(finished, tmp_path / "mix", mix) == tests
    held_out = scored(finished, tmp_path / "mix_validation", mix, "validation")
    for split, keys in {"test": tests, "validation": held_out}.items():
        own = [key.removeprefix("photos/") for key in keys if key.startswith("photos/")]
        assert scored(finished, tmp_path / split, alone, split) == own


def steps(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]


def test_an_epoch_is_as_long_as_the_weights_say(finished):
    """14 drawn faces, and of 35 in folders 2 * 35 + 18: 102 images are 7 batches of 16."""
    assert steps(finished[0]) == 2 * 7


def test_weights_and_cached_features_go_together(finished, root, tmp_path):
    torch.save(Bundle.load(finished[0]).classifier.backbone.trunk.state_dict(), tmp_path / "trunk.pt")
    frozen = {"weights": str(tmp_path / "trunk.pt"), "freeze": "all", "cache_features": FeaturesConfig(2)}
    config = mixed(root, backbone=BackboneConfig("small_cnn", image_size=16, **frozen))
    config.dataset.cache = str(tmp_path / "cache")
    run(config, tmp_path / "run")
    assert steps(tmp_path / "run") == 2 * 7
