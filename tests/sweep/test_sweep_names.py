"""Folders follow from the overrides: the same for a single run and for a sweep's job, whatever the order."""

import pytest
from omegaconf import OmegaConf

import mien.sweep  # noqa: F401 - importing it registers the resolvers
from mien.errors import ConfigError
from mien.sweep.names import evaluation_name, job_name, recognition_name, run_name, sweep_overrides

JOB = "${mien.run:${hydra.overrides.task}}"


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "default"),
        (["seed=1", "backbone=vgg19", "output=/x", "logger=none", "dataset.root=/y"], "backbone-vgg19__seed-1"),
        (["+experiment=fecnn/vgg19"], "experiment-fecnn_vgg19"),
        (["seed=1", "sweep.retry=true", "launcher=ray", "launcher.gpus=0.5", "resume=never"], "seed-1"),
        (["seed=1", "sweeper=optuna", "+search=optimizer", "search.trials=9", "sweep.trial=3"], "seed-1"),
        (["seed=1", "report.explain=true", "logger.mode=offline", "hydra/launcher=joblib"], "seed-1"),
    ],
)
def test_a_runs_folder_follows_from_its_overrides(overrides, name):
    assert run_name(overrides) == run_name(overrides[::-1]) == name


def test_long_names_are_cut_but_stay_apart():
    for letter in "xé":
        names = {run_name([f"backbone.weights={letter * 300}{end}"]) for end in "ab"}
        assert len(names) == 2
        assert max(len(name.encode()) for name in names) <= 150


def test_an_evaluation_counts_the_places_of_model_and_data():
    told = ["run=a", "dataset.root=/y", "output=/x", "launcher=ray", "sweep.retry=true", "resume=never", "logger=csv"]
    assert evaluation_name(told).startswith("dataset.root-_y__run-a-")
    assert evaluation_name(["run=a", "detector=haar"]) == "detector-haar__run-a"


@pytest.mark.parametrize("name", [evaluation_name, recognition_name])
def test_what_looks_the_same_once_characters_are_replaced_stays_apart(name):
    places = ["data/x/y", "data/x_y", "'data/x y'"]
    assert len({name([f"dataset.root={place}"]) for place in places}) == len(places)
    assert name(["run='a/b'"]) == name(["run=a/b"])


@pytest.mark.parametrize(
    ("arguments", "folder", "job"),
    [
        (["-m", "seed=0,1", "backbone=vgg19", "output=here"], "here/sweeps/backbone-vgg19__seed", JOB),
        (["backbone=vgg19", "seed=0,1,2", "output=here", "--multirun"], "here/sweeps/backbone-vgg19__seed", JOB),
        (["-m", "seed=0"], "outputs/sweeps/seed-0", JOB),
        (["hydra.mode=MULTIRUN", "seed=range(0,3)"], "outputs/sweeps/seed", JOB),
        (["-m", "seed=0,1", "launcher=joblib", "launcher.jobs=2", "sweep.retry=true"], "outputs/sweeps/seed", JOB),
        (["-m", "sweeper=optuna", "+search=lr", "search.trials=9"], "outputs/sweeps/search-lr__sweeper-optuna", JOB),
        (["-m", "dataset.root=/a,/b"], "outputs/sweeps/dataset.root", JOB[:-1] + ",dataset.root}"),
        (["-m", "logger.mode=online,offline", "seed=1"], "outputs/sweeps/logger.mode__seed-1", None),
    ],
)
def test_a_sweeps_folder_is_named_by_what_is_fixed_and_what_moves(arguments, folder, job):
    job = job or JOB[:-1] + ",logger.mode}"
    assert sweep_overrides(arguments) == [f"hydra.sweep.dir='{folder}'", f"hydra.sweep.subdir='../../{job}'"]


def test_no_sweep_has_no_overrides():
    assert sweep_overrides(["seed=0"]) == []


def test_a_sweep_of_evaluations_lies_beside_them():
    scores = sweep_overrides(["-m", "run=a", "detector=mtcnn,haar", "scenes=drawn", "output=here"], "evaluate")
    assert scores == [
        "hydra.sweep.dir='here/evaluations/sweeps/detector__run-a__scenes-drawn'",
        "hydra.sweep.subdir='../../${mien.evaluation:${hydra.overrides.task}}'",
    ]


def test_a_sweep_of_recognitions_lies_beside_them():
    assert sweep_overrides(["-m", "model=a", "source=b.jpg,c.jpg", "table=csv,jsonl"], "recognize") == [
        "hydra.sweep.dir='outputs/recognized/sweeps/model-a__source__table'",
        "hydra.sweep.subdir='../../${mien.recognition:${hydra.overrides.task},table}'",
    ]


def test_a_folder_of_ones_own_holds_the_jobs_too():
    assert sweep_overrides(["-m", "seed=0,1", "hydra.sweep.dir=x"]) == [f"hydra.sweep.subdir='{JOB}'"]
    assert sweep_overrides(["-m", "seed=0,1", "hydra.sweep.dir=x", "hydra.sweep.subdir=${seed}"]) == []


@pytest.mark.parametrize("output", ["'o 3'", '"o 3"', "o 3"])
def test_the_last_output_counts_without_its_quotes(output):
    folder, _ = sweep_overrides(["-m", "seed=0,1", "output=first", f"output={output}"])
    assert folder == "hydra.sweep.dir='o 3/sweeps/seed'"


def test_a_moved_output_is_refused():
    with pytest.raises(ConfigError, match="output: expected one folder for all jobs of a sweep"):
        sweep_overrides(["-m", "output=a,b"])


@pytest.mark.parametrize(
    ("task", "moved", "name"),
    [
        (["seed=0", "backbone=vgg19"], "", "backbone-vgg19__seed-0"),
        (["dataset.root=/a/b", "seed=0"], ",dataset.root", "dataset.root-_a_b__seed-0"),
    ],
)
def test_hydra_finds_the_same_folder(task, moved, name):
    """A key that becomes a moved one, or a value that comes later, leaves the others' folders as they are."""
    config = {"hydra": {"overrides": {"task": task}}, "name": f"${{mien.run:${{hydra.overrides.task}}{moved}}}"}
    assert OmegaConf.create(config).name == name


@pytest.mark.parametrize(
    ("overrides", "fixed", "name"),
    [
        (["backbone=vgg19", "seed=1", "launcher=ray"], ["backbone", "launcher"], "seed=1"),
        (["+experiment=a/b", "seed=1"], ["seed"], "experiment=a/b"),
        (["backbone=vgg19", "seed=1"], ["backbone", "seed"], "backbone=vgg19 seed=1"),
        (["optimizer.lr=0.01", "sweep.trial=4"], [], "optimizer.lr=0.01"),
        ([], [], "default"),
    ],
)
def test_a_job_is_named_by_what_moves(overrides, fixed, name):
    assert job_name(overrides, fixed) == name
