"""How many trials of a search run at a time, by its launcher."""

import pytest

from mien.config.sweep import LauncherConfig, SearchConfig
from mien.search.loop import together
from mien.sweep import room as room_file
from mien.sweep.room import room


@pytest.mark.parametrize(
    ("launcher", "jobs"),
    [
        (LauncherConfig("local", cpus=2), 1),
        (LauncherConfig("joblib", jobs=3), 3),
        (LauncherConfig("ray", jobs=5, cpus=1), 5),
        (LauncherConfig("slurm", jobs=64), 64),
        (LauncherConfig("slurm_local"), 8),
        (LauncherConfig("slurm_local", cpus=3), 2),
        (LauncherConfig("slurm_local", cpus=20), 1),
    ],
)
def test_as_many_as_the_user_says_or_as_fit(launcher, jobs, monkeypatch):
    monkeypatch.setattr(room_file, "cores", lambda: 8)
    assert room(launcher) == jobs


def test_a_cluster_of_ray_is_asked(monkeypatch):
    ray = pytest.importorskip("ray", reason="pip install 'mien[ray]'")
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 64.0, "GPU": 4.0})
    assert room(LauncherConfig("ray", cpus=8)) == 8
    assert room(LauncherConfig("ray", cpus=8, gpus=1)) == 4
    assert room(LauncherConfig("ray", cpus=4, gpus=0.5)) == 8


def test_tpe_learns_from_trials_before(capsys):
    assert together(SearchConfig(trials=20, startup=8), 2) == 2
    assert capsys.readouterr().err == ""
    assert together(SearchConfig(trials=20, startup=8), 64) == 8
    assert "8 trials run at a time, so that tpe learns" in capsys.readouterr().err
    assert together(SearchConfig(trials=20, startup=8, parallel=64), 1) == 64
    assert together(SearchConfig(trials=20, sampler="random"), 64) == 20
