"""The run that a sweep sends of itself: the ranking with mean and spread over seeds, made anew when it goes on."""

import pandas as pd
import pytest
from PIL import Image

from compared_runs import Files, write_run
from mien.comparison.write import compare_sweep
from mien.config.schema import LoggerConfig
from mien.files import write_json
from mien.loggers.summary import search_summary, send_tables, sweep_summary
from wandb_files import Sent, facts_of

OFFLINE = LoggerConfig(wandb=True, mode="offline", tags=["mine"])


def job(folder, lr, seed):
    """A finished job that is wrong on 7, 14 or 21 of 70 images, or 28 with the other learning rate."""
    wrong = 28 if lr == 0.2 else 7 * (seed + 1)
    return write_run(folder / f"lr{lr}_seed{seed}", range(wrong), seed, Files(lr=lr))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """What a sweep of two learning rates and two seeds sends, and what it sends after a third seed."""
    folder = tmp_path_factory.mktemp("here") / "lr_seed"
    jobs, sent = [job(folder, lr, seed) for lr in (0.1, 0.2) for seed in (0, 1)], []
    for added in ((0.1, 0.2), ()):
        comparison, _ = compare_sweep(folder, jobs)
        sweep_summary(OFFLINE, folder, comparison)
        sent.append(Sent(folder))
        jobs += [job(folder, lr, 2) for lr in added]
    return folder, sent


def test_the_sweeps_own_run(swept):
    run = swept[1][1].run
    assert (run["run_group"], run["job_type"], run["display_name"]) == ("lr_seed", "compare", "comparison")
    assert run["tags"] == ["drawn_faces", "small_cnn", "clean", "mine"]


def test_a_sweep_that_goes_on_keeps_its_run(swept):
    first, second = swept[1]
    assert first.run["run_id"] == second.run["run_id"]
    assert (first.summary["finished"], second.summary["finished"]) == (4, 6)
    assert not first.offline.exists()  # the new file has all that it had


def test_mean_and_spread_over_seeds(swept):
    folder, (_, sent) = swept
    rows = {row["model"]: row for row in sent.table("ranking")}
    one, other = rows["optimizer.lr=0.1"], rows["optimizer.lr=0.2"]
    assert (one["trainings"], one["seeds"], other["trainings"]) == (3, "0 1 2", 3)
    assert (one["accuracy"], one["accuracy_sd"]) == pytest.approx((0.8, 0.1))  # of 0.9, 0.8 and 0.7
    assert (one["accuracy_lowest"], one["accuracy_highest"]) == pytest.approx((0.7, 0.9))
    assert (other["accuracy"], other["accuracy_sd"]) == pytest.approx((0.6, 0.0), abs=1e-9)
    assert (sent.summary["best/model"], sent.summary["best/accuracy_sd"]) == ("optimizer.lr=0.1", pytest.approx(0.1))
    table = pd.read_csv(folder / "models.csv").set_index("model")
    assert table.loc["optimizer.lr=0.1", ["accuracy", "accuracy_sd"]].tolist() == pytest.approx([0.8, 0.1])


def test_runs_classes_pairs_and_plots_are_there_too(swept):
    sent = swept[1][1]
    assert len(sent.table("runs")) == 6
    assert len(sent.table("per_class")) == 2 * 7
    assert len(sent.table("pairs")) == 1
    assert sent.summary["conclusion"].startswith("On these")
    pictures = {path.name.split("_")[0] for path in (sent.offline / "files" / "media" / "images" / "plots").iterdir()}
    assert {"ranking", "classes", "curves"} <= pictures


def test_a_search_sends_its_trials_and_the_best(tmp_path):
    (tmp_path / "trials.csv").write_text("trial,state,value,optimizer.lr\n0,finished,0.5,0.1\n1,failed,,0.2\n")
    write_json(tmp_path / "best.json", {"trial": 0, "value": 0.5, "importances": {}, "test": None})
    Image.new("RGB", (8, 8)).save(tmp_path / "search.png")
    search_summary(OFFLINE, tmp_path, *(tmp_path / name for name in ("trials.csv", "best.json", "search.png")))
    sent = Sent(tmp_path)
    assert (sent.run["run_group"], sent.run["job_type"]) == (tmp_path.name, "search")
    assert sent.table("trials") == [
        {"trial": 0, "state": "finished", "value": 0.5, "optimizer.lr": 0.1},
        {"trial": 1, "state": "failed", "value": None, "optimizer.lr": 0.2},
    ]
    assert {key: value for key, value in sent.summary.items() if key.startswith("best/")} == {
        "best/trial": 0,
        "best/value": 0.5,
    }
    assert "plots/search.path" in sent.summary


def test_one_seed_twice_is_not_two_seeds(tmp_path):
    """The same training with another place of its data, or after a change of the code."""
    jobs = [job(tmp_path, 0.1, 0), write_run(tmp_path / "again", range(14), 0, Files(lr=0.1))]
    comparison, _ = compare_sweep(tmp_path, jobs)
    assert [score.sd for score in comparison.tested.scores] == [None, None]
    assert pd.read_csv(tmp_path / "models.csv")["trainings"].tolist() == [1, 1]


def test_nothing_is_sent_where_wandb_is_not_chosen_or_nothing_is_finished(tmp_path):
    comparison, _ = compare_sweep(tmp_path, [job(tmp_path, 0.1, 0)])
    sweep_summary(LoggerConfig(tensorboard=True), tmp_path, comparison)
    (tmp_path / "new").mkdir()
    nothing, _ = compare_sweep(tmp_path, [tmp_path / "new"])
    sweep_summary(OFFLINE, tmp_path, nothing)
    assert not (tmp_path / "wandb").exists()


def test_what_goes_wrong_is_only_logged(tmp_path, caplog):
    (tmp_path / "wandb.json").write_text("{}")
    send_tables(OFFLINE, facts_of(tmp_path, "reproduce"), {}, {})
    assert "W&B failed and is left out; the run goes on" in caplog.text
