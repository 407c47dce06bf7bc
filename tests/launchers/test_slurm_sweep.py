"""launcher=slurm, and slurm_local without a cluster: there, jobs go on when the process that sweeps is killed."""

import shutil
import subprocess

import pytest
from sweeping import FIRST, LAST, SHORT, Sweep, kill_and_repeat, summary

pytest.importorskip("submitit", reason="pip install 'mien[slurm]'")


def cluster_answers():
    return shutil.which("sbatch") is not None and subprocess.call(["sinfo"], stderr=subprocess.DEVNULL) == 0


on_a_cluster = pytest.mark.skipif(not cluster_answers(), reason="there is no SLURM cluster here")


@pytest.fixture(scope="module", params=["slurm_local", pytest.param("slurm", marks=on_a_cluster)])
def story(request, tmp_path_factory):
    sweep = Sweep(tmp_path_factory.mktemp(request.param) / "here", f"launcher={request.param}", "launcher.cpus=1")
    return sweep, *kill_and_repeat(sweep, ends_with_it=False)


def test_a_killed_job_harms_no_other(story):
    _, killed, _, _ = story
    assert killed[FIRST]["state"] == "failed"
    assert "SIGKILL" in killed[FIRST]["error"]
    assert killed[SHORT]["state"] == "finished"


def test_the_same_command_runs_only_what_nobody_else_does(story):
    sweep, _, _, code = story
    assert code == 0, sweep.output
    sweep.until(lambda notes: notes[LAST]["state"] == "finished")
    assert summary(sweep.notes()) == {2: ("finished", 1), 24: ("finished", 2), 60: ("finished", 1)}


def test_scripts_and_logs_are_in_the_sweeps_folder(story):
    logs = list(story[0].folder.glob("outputs/sweeps/*/.submitit/*/*_log.err"))
    assert len(logs) == 6
    assert any("[trainer.max_epochs=24] epoch 24/24" in log.read_text() for log in logs)
