"""launcher=joblib and launcher=ray: a job and then the whole sweep killed, and the command repeated."""

import pytest
from sweeping import FIRST, LAST, SHORT, Sweep, kill_and_repeat, outliving, summary


@pytest.fixture(scope="module", params=["joblib", "ray"])
def story(request, tmp_path_factory):
    name = request.param
    pytest.importorskip(f"hydra_plugins.hydra_{name}_launcher", reason=f"pip install 'mien[{name}]'")
    sweep = Sweep(tmp_path_factory.mktemp(name) / "here", f"launcher={name}", "launcher.jobs=2")
    return sweep, *kill_and_repeat(sweep)


def test_a_killed_job_harms_no_other(story):
    _, killed, _, _ = story
    assert killed[FIRST]["state"] == "failed"
    assert "SIGKILL" in killed[FIRST]["error"]
    assert killed[SHORT]["state"] == "finished"


def test_no_process_outlives_the_sweep(story):
    assert story[2] == []


def test_the_same_command_ends_what_was_begun(story):
    sweep, _, _, code = story
    assert code == 0, sweep.output
    assert summary(sweep.notes()) == {2: ("finished", 1), 24: ("finished", 2), 60: ("finished", 2)}
    for epochs, note in sweep.notes().items():
        assert len((note["folder"] / "metrics.csv").read_text().splitlines()) == epochs + 1


def test_jobs_go_on_from_their_checkpoints(story):
    sweep, *_ = story
    assert all("continuing" in (sweep.notes()[epochs]["folder"] / "log.txt").read_text() for epochs in (FIRST, LAST))


def test_the_launchers_own_processes_end_too(story):
    assert outliving(story[0].began, 60) == []


def test_lines_of_jobs_can_be_told_apart(story):
    assert "[trainer.max_epochs=24] epoch 24/24" in story[0].output
