"""The sweeper behind Hydra's own machinery, with a formula in the place of trainings."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = f"""
import sys
from math import log10
sys.argv[0] = "train.py"
if "optuna=missing" in sys.argv:
    sys.argv.remove("optuna=missing")
    sys.modules["optuna"] = None
import hydra
from mien.cli import start
from mien.config.load import typed
from mien.config.schema import Config

@hydra.main(version_base="1.3", config_path={str(ROOT / "conf")!r}, config_name="train")
def main(composed):
    config = typed(composed, Config)
    lr = config.optimizer.lr
    if config.seed == 1 and config.sweep.trial == 2:
        raise KeyboardInterrupt
    if lr > 0.01 or config.seed == 2:
        raise ValueError(f"diverged at {{lr}}")
    return 0.8 - 0.05 * (log10(lr) + 2.5) ** 2

if __name__ == "__main__":
    start(main, Config, "train")
"""


def search(folder, *overrides):
    script = folder / "stub.py"
    script.write_text(STUB)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    call = [sys.executable, str(script), "-m", "logger=none", "sweeper=optuna", *overrides]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=120, env=env, check=False)
    return done.returncode, done.stdout, " ".join(done.stderr.split())


def trials(folder, name):
    with (folder / "outputs/sweeps" / name / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def optimizer(tmp_path_factory):
    """Twelve trials of the preset."""
    folder = tmp_path_factory.mktemp("stub")
    return folder, search(folder, "+search=optimizer", "search.trials=12")


def test_failed_trials_stop_nothing(optimizer):
    folder, (_, out, err) = optimizer
    rows = trials(folder, "search-optimizer__sweeper-optuna")
    assert [row["trial"] for row in rows] == [str(n) for n in range(12)]
    failed = [row for row in rows if float(row["optimizer.lr"]) > 0.01]
    assert len(failed) == 5
    assert all(row["state"] == "failed" and row["error"].startswith("ValueError: diverged at") for row in failed)
    assert all(row["state"] == "finished" for row in rows if row not in failed)
    assert "12 of 12 trials: 7 finished, 5 failed" in out
    assert "trial 0: failed: ValueError: diverged at 0.02309" in err


def test_the_best_is_told_as_a_command(optimizer):
    folder, (_, out, _) = optimizer
    best = json.loads((folder / "outputs/sweeps/search-optimizer__sweeper-optuna/best.json").read_text())
    rows = [row for row in trials(folder, "search-optimizer__sweeper-optuna") if row["state"] == "finished"]
    top = max(rows, key=lambda row: float(row["value"]))
    assert (best["trial"], best["value"]) == (int(top["trial"]), float(top["value"]))
    assert best["objective"] == "validation macro recall"
    settings = f"optimizer.lr={top['optimizer.lr']} optimizer.weight_decay={top['optimizer.weight_decay']}"
    assert best["command"] == f"python train.py logger=none {settings}"
    assert best["command"] in out
    assert (folder / "outputs/sweeps/search-optimizer__sweeper-optuna/search.png").stat().st_size > 10_000


def test_jobs_have_the_folders_of_single_runs(optimizer):
    folder, _ = optimizer
    rows = trials(folder, "search-optimizer__sweeper-optuna")
    runs = {
        f"optimizer.lr-{row['optimizer.lr']}__optimizer.weight_decay-{row['optimizer.weight_decay']}" for row in rows
    }
    assert {path.name for path in (folder / "outputs").iterdir()} == runs | {"sweeps"}


def test_several_at_a_time_by_a_launcher(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="pip install 'mien[joblib]'")
    overrides = ("optimizer.lr=range(0.001,0.006,0.001)", "launcher=joblib", "launcher.jobs=2", "search.trials=5")
    code, out, err = search(tmp_path, *overrides, "search.sampler=grid")
    assert code == 0, err
    assert "5 of 5 trials: 5 finished" in out
    rows = trials(tmp_path, "optimizer.lr__sweeper-optuna")
    assert [float(row["optimizer.lr"]) for row in rows] == pytest.approx([0.001, 0.002, 0.003, 0.004, 0.005])
    assert [float(row["value"]) for row in rows] == pytest.approx(
        [0.7875, 0.79802, 0.79997, 0.79948, 0.79802], abs=1e-5
    )


def test_an_interruption_is_reported_and_the_trial_comes_again(tmp_path):
    overrides = ("seed=1", "optimizer.lr=interval(1e-4,9e-3)", "search.trials=4")
    code, out, err = search(tmp_path, *overrides)
    assert code == 130
    assert "3 of 4 trials: 2 finished, 1 running" in out
    (tmp_path / "outputs/sweeps/optimizer.lr__seed-1__sweeper-optuna/best.json").unlink()
    code, _, err = search(tmp_path, *overrides)
    assert code == 130
    assert "trial 2 goes on: it was begun by a process that has ended" in err


def test_a_search_on_data_of_another_place_is_refused(tmp_path):
    overrides = ("dataset=image_folder", "optimizer.lr=0.001,0.002", "search.trials=1")
    assert search(tmp_path, *overrides, "dataset.root=a")[0] == 0
    code, _, err = search(tmp_path, *overrides, "dataset.root=b")
    assert code == 2
    assert "holds another search" in err
    assert "- dataset.root: there a, now b" in err


def test_a_search_of_which_every_trial_fails_is_an_error(tmp_path):
    overrides = ("seed=2", "optimizer.lr=interval(1e-4,9e-3)", "search.trials=2")
    code, out, err = search(tmp_path, *overrides)
    assert code == 2
    assert "2 of 2 trials: 2 failed" in out
    assert "all 2 trials failed, the last by: ValueError: diverged at" in err
    assert "trial 1 of 2: optimizer.lr" in err
    _, _, err = search(tmp_path, *overrides, "sweep.retry=true")
    assert "trial 2: optimizer.lr" in err


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "the space of the search is empty"),
        (["optimizer.lr=interval(-1,1)"], "optimizer.lr=-1.0: optimizer.lr: expected 0 or more, got -1"),
        (["search.storage=nonsense://host", "+search=optimizer"], "Can't load plugin: sqlalchemy.dialects:nonsense"),
        (["optuna=missing", "+search=optimizer"], "install it with pip install 'mien[optuna]'"),
    ],
)
def test_wrong_input_is_refused_before_anything_starts(tmp_path, overrides, message):
    code, _, err = search(tmp_path, *overrides)
    assert code == 2
    assert message in err
    assert not list(tmp_path.glob("**/study.j*"))
