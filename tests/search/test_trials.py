"""The trials of a study: seeded, each once, whatever dies; no Hydra, and formulas for trainings."""

import json
import multiprocessing
import os
import signal
from dataclasses import replace
from math import log10, nan
from time import sleep

import pytest

from mien.config.sweep import SearchConfig
from mien.errors import SearchError
from mien.runs import JOB_LOCK, owned
from mien.search import engine
from mien.search.space import read_space
from mien.search.trials import Outcome, Trials, counted

LR = "optimizer.lr=tag(log,interval(1e-4,1e-1))"
CONFIG = SearchConfig(trials=12, startup=4)


def trials_of(folder, *overrides, config=CONFIG):
    study = engine.open_study("study", folder, config, maximise=True, epochs=3)
    space, _ = read_space(overrides or [LR], {})
    return Trials(study, space, config, folder, lambda moved: folder / "runs" / "__".join(moved))


def score(asked):
    lr = float(asked.overrides[0].split("=")[1])
    return 1 - (log10(lr) + 2.5) ** 2


def run(trials, most=1, outcome=lambda asked: Outcome("finished", score(asked))):
    with trials.working():
        while batch := trials.ask(most):
            for asked in batch:
                trials.tell(asked, outcome(asked))
    return counted(trials.study)


def test_tpe_finds_the_top_and_random_does_not_come_as_near(tmp_path):
    config = replace(CONFIG, trials=30)
    done = run(trials_of(tmp_path / "tpe", config=config))
    at_random = run(trials_of(tmp_path / "random", config=replace(config, sampler="random")))
    assert len(done) == len(at_random) == 30
    tail, tail_at_random = (sum(trial.value for trial in some[-10:]) / 10 for some in (done, at_random))
    assert tail > 0.5
    assert tail_at_random < 0.3
    assert max(trial.value for trial in done) > 0.998


def test_a_search_that_stops_and_goes_on_proposes_the_same(tmp_path):
    whole = [trial.params for trial in run(trials_of(tmp_path / "whole"))]
    pieces = tmp_path / "pieces"
    for trials in (2, 7, 12):
        run(trials_of(pieces, config=replace(CONFIG, trials=trials)))
    assert [trial.params for trial in counted(trials_of(pieces).study)] == whole
    assert run(trials_of(pieces)) == counted(trials_of(pieces).study)  # and no more than were asked for
    other = run(trials_of(tmp_path / "other", config=replace(CONFIG, seed=1)))
    assert other[0].params != whole[0]


def test_a_trial_of_a_process_that_died_keeps_its_number_and_settings(tmp_path):
    dead = trials_of(tmp_path)
    with dead.working():
        (before,) = dead.ask(1)
    (after,) = trials_of(tmp_path).ask(1)
    assert (after.number, after.overrides, after.left) == (before.number, before.overrides, True)
    assert before.left is False


def test_a_trial_of_a_living_process_is_left_to_it(tmp_path):
    living, other = trials_of(tmp_path), trials_of(tmp_path)
    with living.working():
        (first,) = living.ask(1)
        (second,) = other.ask(1)
        assert (first.number, second.number) == (0, 1)


def test_a_trial_whose_run_goes_on_elsewhere_is_left_alone(tmp_path):
    dead = trials_of(tmp_path)
    with dead.working():
        (asked,) = dead.ask(1)
    other = trials_of(tmp_path)
    other._until = 0.0
    with owned(tmp_path / "runs" / asked.overrides[0], JOB_LOCK):
        assert other.ask(1)[0].number == 1
    assert other.ask(1)[0].number == 0


def test_a_trial_that_died_before_it_had_settings_does_not_count(tmp_path):
    trials = trials_of(tmp_path, config=replace(CONFIG, trials=2))
    trials.study.ask()
    assert [trial.number for trial in run(trials)] == [1, 2]


def test_states_and_numbers(tmp_path):
    outcomes = [
        Outcome("finished", 0.5),
        Outcome("pruned"),
        Outcome("failed", error="out of memory"),
        Outcome("finished", nan),
        Outcome("finished", None),
        Outcome("interrupted"),
    ]
    trials = trials_of(tmp_path, config=replace(CONFIG, trials=6))
    done = run(trials, outcome=lambda asked: outcomes[asked.number])
    assert [trial.state.name for trial in done] == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "FAIL", "RUNNING"]
    assert [trial.value for trial in done] == [0.5, None, None, None, None, None]
    assert done[2].user_attrs["error"] == "out of memory"
    assert done[3].user_attrs["error"] == "no number to compare by: nan"


def test_failed_trials_are_run_again_where_that_is_asked_for(tmp_path):
    config = replace(CONFIG, trials=3)
    failed = run(trials_of(tmp_path, config=config), outcome=lambda asked: Outcome("failed", error="x"))
    again = trials_of(tmp_path, config=config)
    assert again.ask(1) == []
    again.again()
    done = run(again)
    assert [trial.number for trial in done] == [3, 4, 5]
    assert [trial.params for trial in done] == [trial.params for trial in failed]
    assert {trial.state.name for trial in done} == {"COMPLETE"}


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_no_settings_are_tried_twice_and_a_finite_space_ends(tmp_path, sampler, capsys):
    config = replace(CONFIG, sampler=sampler, trials=20)
    trials = trials_of(tmp_path, "backbone=a,b", "dataset.batch_size=range(16,64,16)", config=config)
    done = run(trials, most=2, outcome=lambda asked: Outcome("finished", 0.5))
    settings = [tuple(trials.space.overrides(trial.params)) for trial in done]
    assert len(settings) == len(set(settings)) == 6
    assert "all 6 combinations of the space have been tried" in capsys.readouterr().err
    if sampler == "grid":
        assert settings[0] == ("backbone=a", "dataset.batch_size=16")
        assert settings[-1] == ("backbone=b", "dataset.batch_size=48")


def work(folder, is_killed, begun):
    trials = trials_of(folder, config=replace(CONFIG, trials=20))
    with trials.working():
        while begun.wait(60) if not is_killed else True:
            batch = trials.ask(1)
            if is_killed:
                begun.set()
                sleep(0.1)
                os.kill(os.getpid(), signal.SIGKILL)
            if not batch:
                return
            sleep(0.01)
            trials.tell(batch[0], Outcome("finished", score(batch[0])))


def test_several_processes_share_a_study_and_one_is_killed(tmp_path):
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    team = [context.Process(target=work, args=(tmp_path, number == 0, begun)) for number in range(3)]
    for process in team:
        process.start()
    for process in team:
        process.join(60)
    assert [process.exitcode for process in team] == [-9, 0, 0]
    done = counted(trials_of(tmp_path).study)
    assert [trial.number for trial in done] == list(range(20))
    assert {trial.state.name for trial in done} == {"COMPLETE"}


def test_a_line_that_was_cut_short_is_cut_off(tmp_path):
    run(trials_of(tmp_path, config=replace(CONFIG, trials=2)))
    journal = tmp_path / engine.JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"x","stu')
    assert len(run(trials_of(tmp_path, config=replace(CONFIG, trials=3)))) == 3
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())


def test_a_database_takes_the_place_of_the_file(tmp_path):
    config = replace(CONFIG, trials=3, storage=f"sqlite:///{tmp_path}/trials.db")
    assert len(run(trials_of(tmp_path / "sweep", config=config))) == 3
    assert len(run(trials_of(tmp_path / "sweep", config=config))) == 3
    assert not (tmp_path / "sweep" / engine.JOURNAL).exists()


def test_a_database_that_does_not_answer_says_so_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv(engine.PASSWORD, "secret")
    config = replace(CONFIG, storage=f"sqlite:///{tmp_path}/nowhere/trials.db")
    with pytest.raises(SearchError, match="unable to open database file") as caught:
        trials_of(tmp_path, config=config)
    assert "secret" not in str(caught.value)
