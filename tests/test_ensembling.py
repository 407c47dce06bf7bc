"""Finished trainings are joined: scored as they were, used as they are, and refused where they do not go together."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from compared_runs import compared
from mien.comparison.frames import run_frame
from mien.config.ensemble import EnsembleConfig
from mien.ensembling import Finished, check_place, join, score_ensemble
from mien.errors import ConfigError, RunFolderError
from mien.evaluation.explain import check_explainable
from mien.models.bundle import Bundle
from mien.pipeline import evaluate_model, run
from mien.recognition.recognizer import Recognizer
from mien.report.notes import not_compared
from mien.report.record import record
from mien.results import RunResult
from mien.scoring import Call
from mien.types import CropRule, InputSpec
from test_commands import command
from tiny import TINY, composed, evaluation

SMALL = (*TINY, "trainer.max_epochs=1", "logger=none", "scenes.count=2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three finished trainings, one of another network."""
    home = tmp_path_factory.mktemp("members")
    asked = {"a": ("seed=1",), "b": ("seed=2",), "c": ("backbone=custom_cnn", "optimizer.lr=1e-4")}
    for name, overrides in asked.items():
        run(composed(*SMALL, *overrides), home / name)
    return [home / name for name in asked]


@pytest.fixture(scope="module")
def members(folders):
    return [Finished.load(folder) for folder in folders]


@pytest.fixture(scope="module")
def joined(members, folders):
    """The ensemble's folder, and its result."""
    folder = folders[0].parent / "joined"
    config = EnsembleConfig(runs=[str(one) for one in folders], accelerator="cpu")
    return folder, score_ensemble(join(members), members, folder, config, Call("python ensemble.py"))


def probabilities(folder, name):
    return pd.read_parquet(folder / name).filter(like="p_").to_numpy()


@pytest.mark.parametrize("name", ["predictions.parquet", "validation.parquet"])
def test_probabilities_are_the_mean_of_the_members(joined, folders, name):
    expected = np.mean([probabilities(one, name) for one in folders], axis=0)
    assert np.allclose(probabilities(joined[0], name), expected, atol=1e-6)


def test_the_result_says_what_it_was_made_of(joined, members):
    folder, result = joined
    assert RunResult.load(folder) == result
    assert result.backbone == "ensemble of 2 small_cnn and custom_cnn"
    assert result.members == tuple(member.words for member in members)
    accuracy = f"{100 * members[1].result.test.accuracy:.1f} % on drawn_faces, test"
    assert result.members[1].startswith(f"b: small_cnn, seed 2, epoch 1 of 1, {accuracy}; trained at commit ")
    precision = json.loads((members[1].folder / "environment.json").read_text())["precision"]
    assert result.members[1].endswith(f", {precision}")
    assert result.parameters == sum(member.result.parameters for member in members)
    assert result.seconds["fit"] == pytest.approx(sum(member.result.seconds["fit"] for member in members))
    assert result.model not in {member.result.model for member in members}
    assert result.dataset == members[0].result.dataset
    assert (result.own_data, result.selection) == (True, None)
    assert result.end_to_end.n_faces == members[0].result.end_to_end.n_faces


def test_record_and_card_name_the_members_and_no_seed_of_the_whole(joined):
    folder, result = joined
    for text in (record(folder), (folder / "bundle" / "README.md").read_text()):
        assert "| seed | each member's own |" in text
        assert all(f"| member | {words} |" in text for words in result.members)
    assert "| precision | each member's own |" in record(folder)
    assert "resized and normalised for each member" in text


def test_it_is_evaluated_compared_and_used_as_any_model(joined, folders):
    folder, result = joined
    asked = evaluation(f"run={folder}", "dataset=drawn_faces", *TINY[:3], "accelerator=cpu")
    again = evaluate_model(asked, folder.parent / "again")
    assert (again.test, again.own_data, again.model) == (result.test, True, result.model)
    comparison = compared(*folders, folder)
    models = [score.model.name for score in comparison.tested.scores]
    assert sorted(models) == ["custom_cnn", "ensemble of 2 small_cnn and custom_cnn", "small_cnn"]
    row = run_frame(comparison).set_index("folder").loc["joined"]
    assert row[["seed", "epochs"]].isna().all()
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    alone = [Recognizer.load(one, "whole_image", "cpu")(picture)[0].probabilities for one in folders]
    (face,) = Recognizer.load(folder, "whole_image", "cpu")(picture)
    assert np.allclose(face.probabilities, np.mean(alone, axis=0), atol=1e-6)


def test_an_ensemble_is_not_explained(joined):
    bundle = Bundle.load(joined[0])
    with pytest.raises(ConfigError, match="explain one of its members"):
        check_explainable(bundle.classifier, bundle.spec)


GRAY = InputSpec(32, 1, (0.5,), (0.5,))


def changed(member, **changes):
    return replace(member, bundle=replace(member.bundle, **changes))


def told(member, **changes):
    """A member whose bundle says something else of its training."""
    return changed(member, about=member.bundle.about | changes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda one: changed(one, spec=GRAY), "the same channels in all; .* has 3, .* has 1"),
        (
            lambda one: changed(one, spec=InputSpec(48), ten_crop=52),
            "the same size, for ten crops .* has any, .* has 48",
        ),
        (lambda one: changed(one, crop=CropRule(0.2)), "the same crop rule in all"),
        (lambda one: told(one, dataset=one.bundle.about["dataset"] | {"fingerprint": "b" * 64}), r"the same data \(f"),
        (lambda one: told(one, protocol=one.bundle.about["protocol"] | {"flip_average": True}), "the same protocol"),
    ],
)
def test_runs_that_do_not_go_together(members, change, problem):
    with pytest.raises(ConfigError, match=problem):
        join([members[0], change(members[1])])


def test_images_come_at_the_largest_members_size(members):
    bundle = join([members[0], changed(members[1], spec=InputSpec(48))])
    assert (bundle.spec.size, bundle.backbone.image_size, bundle.classifier.sizes) == (48, 48, [32, 48])


def test_an_ensemble_of_one_or_of_ensembles(joined, members):
    with pytest.raises(ConfigError, match="expected two finished trainings or more, got 1"):
        join(members[:1])
    with pytest.raises(ConfigError, match="joined: an ensemble already; pass its members"):
        join([members[0], Finished.load(joined[0])])


def test_what_members_began_from_is_told_whole(members):
    weights = ["none", "/home/me/r18.pth", "/home/me/faces.safetensors"]
    runs = [
        changed(one, backbone=replace(one.bundle.backbone, weights=name))
        for one, name in zip(members, weights, strict=True)
    ]
    bundle = join(runs)
    assert bundle.backbone.weights == "/home/me/faces.safetensors, /home/me/r18.pth, none"
    result = replace(members[0].result, weights=bundle.backbone.weights)
    assert not_compared(result) == "Not compared: what its first weights (faces.safetensors, r18.pth) were trained on."


def test_an_ensemble_has_one_identity_whatever_the_order(members):
    first, second = (join(runs).about["config"]["members"] for runs in (members, members[::-1]))
    assert first == second
    assert len(set(first)) == 3


def edit(folder, name, change):
    values = json.loads((folder / name).read_text())
    change(values)
    (folder / name).write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("data.json", lambda data: data.update(fingerprint="b" * 64), "data set that it was trained on has changed"),
        ("data.json", lambda data: data.update(content="b" * 64), "data set that it was trained on has changed"),
        ("results.json", lambda run: run["end_to_end"].update(fingerprint="b" * 64), "whole photos .* are others now"),
    ],
)
def test_data_or_photos_that_have_changed_since(members, tmp_path, name, change, message):
    shutil.copytree(members[1].folder, tmp_path / "b")
    edit(tmp_path / "b", name, change)
    runs = [members[0], Finished.load(tmp_path / "b")]
    with pytest.raises(RunFolderError, match=message):
        score_ensemble(join(runs), runs, tmp_path / "joined", EnsembleConfig(accelerator="cpu"))
    assert not (tmp_path / "joined" / "results.json").exists()


def test_no_other_run_is_overwritten(joined, members):
    check_place(joined[0], members)  # the same again
    check_place(joined[0].parent / "new", members)
    for folder in (members[0].folder, joined[0]):
        with pytest.raises(RunFolderError, match="holds another run; choose another place"):
            check_place(folder, members[:2])


def test_the_command_joins_a_sweep(folders, tmp_path):
    for folder in folders[:2]:
        shutil.copytree(folder, tmp_path / "sweep" / folder.name)
    done = command("ensemble.py", "sweep=sweep", "output=two", "accelerator=cpu", folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "ensemble of 2 small_cnn" in done.stdout
    assert "the ensemble on validation, by which ensembles may be chosen: " in done.stderr
    assert json.loads((tmp_path / "two" / "results.json").read_text())["command"].startswith("python ensemble.py")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "runs: it needs a value"),
        (("runs=[a]", "sweep=b"), "runs and sweep: expected one of them, got both"),
        (("runs=[nowhere,nor_here]",), "nowhere: no such folder"),
        (("runs=[a,b]", "acelerator=cpu"), "did you mean 'accelerator'?"),
        (("-m", "runs=[a,b]"), "ensemble.py takes its runs together; leave -m out"),
        (("runs=[a,b]", "accelerator=tpu"), "accelerator: unknown value 'tpu'"),
    ],
)
def test_the_command_refuses_before_it_makes_a_folder(tmp_path, arguments, message):
    done = command("ensemble.py", *arguments, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
