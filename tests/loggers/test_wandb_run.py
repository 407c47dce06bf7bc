"""Offline W&B runs, read back with W&B's own tools."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
import wandb

from mien.config.schema import LoggerConfig
from mien.errors import MienError
from mien.loggers import logged
from mien.loggers.wandb_run import WandbLog, offline_reason
from mien.pipeline import evaluate_model, run
from mien.scoring import Call
from tiny import TINY, composed, evaluation
from wandb_files import WANDB, Sent, facts_of, offline_runs, row_of

OFFLINE = LoggerConfig(wandb=True, mode="offline", notes="a try")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Two runs in one process, one after the other, and what the second left when it failed and was continued."""
    folder = tmp_path_factory.mktemp("runs")
    for name, epochs in (("a", 3), ("b", 2)):
        with logged(OFFLINE, facts_of(folder / name)) as loggers:
            for epoch in range(1, epochs + 1):
                loggers.epoch(row_of(epoch))
    return folder


def test_what_a_run_is_called(first):
    run = Sent(first / "a").run
    assert (run["run_group"], run["job_type"], run["display_name"]) == ("my_sweep", "train", "seed=1")
    assert (run["project"], run["tags"], run["notes"]) == ("mien", ["drawn_faces", "mine"], "a try")
    assert run["config"]["update"]["optimizer"] == {"lr": 0.1}


def test_consecutive_runs_stay_apart(first):
    a, b = Sent(first / "a"), Sent(first / "b")
    assert a.run["run_id"] != b.run["run_id"]
    assert (a.epochs, b.epochs) == ([1, 2, 3], [1, 2])
    assert (a.code, b.code) == (0, 0)
    assert wandb.run is None


def test_the_epoch_is_the_step_of_the_curves(first):
    sent = Sent(first / "a")
    assert [row["_step"] for row in sent.history] == [1, 2, 3]
    axes = {(one.get("name") or one["glob_name"]): one.get("step_metric") for one in metrics_of(sent)}
    assert axes == {
        "epoch": None,
        "train/*": "epoch",
        "val/*": "epoch",
        "report/*": "epoch",
        "lr": "epoch",
        "seconds": "epoch",
    }


def metrics_of(sent):
    return [record["metric"] for record in sent.records if record["type"] == "metric"]


def test_nothing_of_the_machine_but_its_name_is_sent(first):
    sent = Sent(first / "a")
    assert {record["type"] for record in sent.records} >= {"run", "history", "exit"}
    assert not [record for record in sent.records if record["type"] in ("environment", "output", "stats")]
    assert "git" not in sent.run


def test_wandb_sync_finds_one_run(first):
    call = [str(WANDB), "sync", "--dry-run", "wandb"]
    done = subprocess.run(call, cwd=first / "a", capture_output=True, text=True, check=True, timeout=60)
    assert "Would sync 1 run(s)" in done.stderr + done.stdout


def test_a_run_that_is_continued_is_whole_in_one_file_of_the_same_id(tmp_path):
    def stops():
        with logged(OFFLINE, facts_of(tmp_path)) as loggers:
            for epoch in (1, 2):
                loggers.epoch(row_of(epoch))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stops()
    before = Sent(tmp_path)
    assert (before.epochs, before.code) == ([1, 2], 1)
    pd.DataFrame([row_of(1), row_of(2), row_of(3)]).to_csv(tmp_path / "metrics.csv", index=False)  # 3 was not sent
    with logged(OFFLINE, facts_of(tmp_path)) as loggers:
        for epoch in (3, 4):  # 3 is trained again: its checkpoint was never written
            loggers.epoch(row_of(epoch))
    after = Sent(tmp_path)
    assert (after.epochs, after.code) == ([1, 2, 3, 4], 0)
    assert after.run["run_id"] == before.run["run_id"]
    assert after.offline != before.offline


def test_a_training_that_is_thrown_away_keeps_its_file_and_the_next_has_its_own(tmp_path):
    for _ in range(2):
        with logged(OFFLINE, facts_of(tmp_path)) as loggers:
            loggers.epoch(row_of(1))
        (tmp_path / "wandb.json").unlink()  # as resume=never does
    assert len(offline_runs(tmp_path)) == 2


def test_an_epoch_that_wandb_has_is_not_sent_again(tmp_path, monkeypatch):
    """An online run that is resumed says at which step it goes on."""
    sent = []

    class Resumed:
        starting_step = 3

        def define_metric(self, *names, **settings):
            pass

        def log(self, values, step, commit):
            sent.append((step, commit))

    monkeypatch.setattr("mien.loggers.wandb_run._begin", lambda *of: Resumed())
    pd.DataFrame([row_of(1), row_of(2), row_of(3)]).to_csv(tmp_path / "metrics.csv", index=False)
    log = WandbLog(OFFLINE, facts_of(tmp_path))
    log.epoch(row_of(4))
    assert sent == [(3, True), (4, True)]


def test_somebody_elses_run_goes_on(tmp_path):
    settings = wandb.Settings(silent=True, console="off", disable_git=True, x_disable_meta=True)
    other = wandb.init(mode="offline", dir=tmp_path, project="other", settings=settings)
    try:
        with logged(OFFLINE, facts_of(tmp_path / "mine")) as loggers:
            loggers.epoch(row_of(1))
        assert wandb.run is other
        other.log({"loss": 1.0})
    finally:
        other.finish()
        wandb.teardown()
    assert Sent(tmp_path / "mine").epochs == [1]


@pytest.mark.parametrize(
    ("machine", "known"), [("api.wandb.ai", True), ("localhost", False)], ids=["own server", "another server"]
)
def test_a_key_is_looked_for_where_wandb_looks(tmp_path, monkeypatch, machine, known):
    file = tmp_path / "netrc"
    file.write_text(f"machine {machine}\n login user\n password {40 * 'a'}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    offline, why = offline_reason(LoggerConfig(wandb=True))
    assert offline  # there is no network here
    assert why.endswith("cannot be reached") if known else why == "not logged in, see `wandb login`"


def test_a_server_that_cannot_be_reached_does_not_stop_the_run(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("WANDB_API_KEY", 40 * "a")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    caplog.set_level("INFO")
    with logged(LoggerConfig(wandb=True), facts_of(tmp_path)) as loggers:
        loggers.epoch(row_of(1))
    assert Sent(tmp_path).epochs == [1]
    assert f"W&B: offline (127.0.0.1 cannot be reached); `wandb sync {tmp_path}/wandb` uploads this run" in caplog.text


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training that is stopped after its second epoch and continued, with both loggers."""
    folder = tmp_path_factory.mktemp("trained")
    choice = ("logger=[wandb,tensorboard]", "logger.mode=offline", "logger.artifact=true", "logger.tags=[mine]")
    config = composed(*TINY, "trainer.max_epochs=3", "scenes=none", *choice)
    call = Call("python train.py seed=0 token=abc", ("backbone=small_cnn", "seed=0"), "backbone_seed", "seed=0")

    def stops(row):
        if row["epoch"] == 2:
            raise MienError("enough")

    with pytest.raises(MienError, match="enough"):
        run(config, folder, call, stops)
    stopped = Sent(folder)
    return folder, stopped, run(config, folder, call)


def test_a_training_that_is_continued_is_one_run(trained):
    folder, stopped, _ = trained
    sent = Sent(folder)
    assert (stopped.epochs, stopped.code) == ([1, 2], 1)
    assert (sent.epochs, sent.code) == ([1, 2, 3], 0)
    assert sent.run["run_id"] == stopped.run["run_id"]
    rows = pd.read_csv(folder / "metrics.csv")
    logged_loss = [row["train/loss"] for row in sent.history if "train/loss" in row]
    assert logged_loss == pytest.approx(rows["train_loss"].tolist())


def test_the_scores_of_a_training_are_its_summary(trained):
    folder, _, result = trained
    summary = Sent(folder).summary
    assert summary["test/accuracy"] == pytest.approx(result.test.accuracy)
    assert summary["test/n"] == 21
    assert summary["selected/epoch"] == result.selection.epoch


def test_the_config_says_what_was_trained_and_on_what(trained):
    folder, _, result = trained
    sent = Sent(folder)
    assert (sent.run["run_group"], sent.run["display_name"]) == ("backbone_seed", "seed=0")
    assert sent.run["tags"] == ["drawn_faces", "small_cnn", "clean", "mine"]
    assert sent.config["data"]["fingerprint"] == result.dataset["fingerprint"]
    assert sent.config["data"]["counts"]["test"]["anger"] == 3
    assert sent.config["command"] == "python train.py seed=0 token=***"
    assert sent.config["backbone"]["name"] == "small_cnn"


def test_the_table_of_classes(trained):
    folder, _, result = trained
    rows = Sent(folder).table("per_class")
    assert [row["class"] for row in rows] == [score.label for score in result.test.per_class]
    assert [row["support"] for row in rows] == 7 * [3]
    assert [row["recall"] for row in rows] == pytest.approx([score.recall for score in result.test.per_class])


def test_the_confusion_counts_every_image_once(trained):
    cells = Sent(trained[0]).table("confusion_table")
    assert len(cells) == 49
    assert sum(cell["nPredictions"] for cell in cells) == 21


def test_the_samples_are_of_the_runs_own_predictions(trained):
    folder, _, _ = trained
    sent = Sent(folder)
    saved = pd.read_parquet(folder / "predictions.parquet").set_index("key")
    rows = sent.uploaded_table("samples")
    assert len(rows) == 21  # all there are; 64 at most
    for row in rows:
        assert (row["image"]["_type"], row["image"]["width"]) == ("image-file", 32)
        assert (row["label"], row["predicted"]) == tuple(saved.loc[row["key"], ["label", "predicted"]])
        assert row["probability"] == pytest.approx(saved.loc[row["key"], f"p_{row['predicted']}"])
        assert row["right"] == (row["label"] == row["predicted"])


def test_what_tables_are_uploaded_from_lies_in_the_run_folder(trained):
    folder, _, _ = trained
    entries = [entry for one in Sent(folder).artifacts for entry in one["manifest"]["contents"]]
    assert len(entries) > 20
    assert all(Path(entry["local_path"]).exists() for entry in entries)
    assert all(entry["local_path"].startswith(str(folder.resolve() / "wandb")) for entry in entries)


def test_the_model_is_sent_where_that_is_asked_for(trained):
    folder, _, result = trained
    (model,) = [one for one in Sent(folder).artifacts if one["type"] == "model"]
    assert model["name"] == f"small_cnn-drawn_faces-{result.model[:8]}"
    assert sorted(model["aliases"]) == ["latest", "seed-0"]
    names = sorted(entry["path"] for entry in model["manifest"]["contents"])
    assert names == ["README.md", "model.json", "model.safetensors"]


def test_tensorboard_has_the_same(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _, result = trained
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    rows = pd.read_csv(folder / "metrics.csv")
    scalars = events.Scalars("train/loss")
    assert [point.step for point in scalars] == [1, 2, 3]
    assert [point.value for point in scalars] == pytest.approx(rows["train_loss"].tolist())
    assert [point.value for point in events.Scalars("test/accuracy")] == pytest.approx([result.test.accuracy])
    assert "plots/confusion" in events.Tags()["images"]
    started = next(value for name, value in events.summary_metadata.items() if "session_start" in name)
    assert b"small_cnn" in started.plugin_data.content


def test_of_a_trial_of_a_search_no_test_score_is_logged(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    choice = ("logger=[wandb,tensorboard]", "logger.mode=offline", "logger.artifact=true", "sweep.trial=0")
    assert run(composed(*TINY, "trainer.max_epochs=1", *choice), tmp_path).test is not None
    told = {key.split("/")[0].split(".")[0] for key in Sent(tmp_path).summary}
    assert "selected" in told
    assert not [one for one in Sent(tmp_path).artifacts if one["type"] == "model"]  # its card tells the test's score
    assert not told & {"test", "end_to_end", "per_class", "confusion", "confusion_table", "samples", "plots"}
    tags = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Tags()
    assert not [tag for tag in tags["scalars"] if tag.startswith(("test/", "end_to_end/"))]
    assert tags["images"] == []


def test_an_evaluation_is_a_run_of_its_own(trained, tmp_path):
    folder, _, result = trained
    data = ("dataset=drawn_faces", *(text for text in TINY if text.startswith("dataset.drawn")))
    config = evaluation(f"run={folder}", *data, "accelerator=cpu", "logger=wandb", "logger.mode=offline")
    evaluate_model(config, tmp_path, Call("python evaluate.py", ("dataset=drawn_faces",), "data_sets", "dataset=x"))
    sent = Sent(tmp_path)
    assert (sent.run["job_type"], sent.run["run_group"], sent.run["display_name"]) == (
        "evaluate",
        "data_sets",
        "dataset=x",
    )
    assert sent.run["tags"] == ["drawn_faces", "small_cnn"]
    assert sent.epochs == []
    assert sent.summary["test/accuracy"] == pytest.approx(result.test.accuracy)
    assert len(sent.table("per_class")) == 7
