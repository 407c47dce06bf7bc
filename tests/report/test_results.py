"""results.json, written and read back, of today and of before."""

import json
from dataclasses import replace

import pytest

from made_up_runs import make_run, whole_result
from mien.errors import RunFolderError
from mien.face_results import EndToEndResult
from mien.results import LeakFreeScore, RunResult


def test_everything_survives_the_file(tmp_path):
    run = make_run(tmp_path, end_to_end=whole_result())
    loaded = RunResult.load(tmp_path)
    assert loaded == run
    assert type(loaded.end_to_end.by_size[0].accuracy_ci95) is tuple
    assert (loaded.test.accuracy, loaded.accuracy) == (run.test.accuracy, run.test.accuracy)


def test_a_result_of_photos_only(tmp_path):
    run = replace(make_run(tmp_path), test=None, end_to_end=whole_result(0.5))
    run.save(tmp_path)
    assert RunResult.load(tmp_path) == run
    assert run.accuracy == 0.5


def test_a_file_from_before_there_were_errors_and_sizes_is_still_read(tmp_path):
    run = make_run(tmp_path)
    values = json.loads((tmp_path / "results.json").read_text())
    for name in ("outcomes", "by_size", "detection", "gap"):
        del values["end_to_end"][name]
    for row in values["end_to_end"]["per_class"]:
        del row["outcomes"]
    (tmp_path / "results.json").write_text(json.dumps(values))
    old = RunResult.load(tmp_path)
    assert old == run
    assert isinstance(old.end_to_end, EndToEndResult)
    assert (old.end_to_end.outcomes, old.end_to_end.by_size, old.end_to_end.gap) == (None, (), None)


def test_a_file_from_before_there_were_leaks_is_still_read(tmp_path):
    run = make_run(tmp_path)
    values = json.loads((tmp_path / "results.json").read_text())
    del values["test"]["leak_free"], values["trained_on"]
    (tmp_path / "results.json").write_text(json.dumps(values))
    old = RunResult.load(tmp_path)
    assert old == run
    assert (old.test.leak_free, old.trained_on) == (None, "")


@pytest.mark.parametrize(
    "score", [LeakFreeScore(300, 0.8, (0.75, 0.84), 0.7, 50), LeakFreeScore(0, None, (0.0, 1.0), None, 7)]
)
def test_a_score_without_leaked_images_survives_the_file(tmp_path, score):
    run = make_run(tmp_path)
    replace(run, test=replace(run.test, leak_free=score)).save(tmp_path)
    assert RunResult.load(tmp_path).test.leak_free == score


def test_a_result_of_another_version_is_told(tmp_path):
    make_run(tmp_path)
    values = json.loads((tmp_path / "results.json").read_text())
    values["new"] = 1
    (tmp_path / "results.json").write_text(json.dumps(values))
    with pytest.raises(RunFolderError, match="not a result of this version of mien"):
        RunResult.load(tmp_path)
