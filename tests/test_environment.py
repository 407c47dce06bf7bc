"""environment.json keeps every start of a run that goes on."""

from datetime import UTC, datetime

from mien.environment import describe, note_start
from mien.files import read_json, write_json

FIRST, SECOND = (
    {
        "command": f"python train.py seed={seed}",
        "seed": seed,
        "git": {"commit": 8 * commit, "dirty": False},
        "python": "3.11.7",
        "packages": {"torch": "2.15.0"},
        "hardware": {"cpu": "A CPU"},
        "precision": "32-true",
    }
    for seed, commit in ((0, "a"), (1, "b"))
)


def test_a_run_that_goes_on_keeps_its_earlier_starts(tmp_path):
    note_start(tmp_path, FIRST, goes_on=False)
    note_start(tmp_path, SECOND, goes_on=True)
    note_start(tmp_path, FIRST, goes_on=True)
    values = read_json(tmp_path / "environment.json")
    assert {key: values[key] for key in FIRST} == FIRST
    assert [piece["git"]["commit"][0] for piece in values["pieces"]] == ["a", "b", "a"]
    for piece in values["pieces"]:
        assert set(piece) == {"command", "git", "python", "packages", "hardware", "started"}
        age = datetime.now(UTC) - datetime.fromisoformat(piece["started"])
        assert 0 <= age.total_seconds() < 60


def test_a_run_that_starts_anew_forgets_them(tmp_path):
    note_start(tmp_path, FIRST, goes_on=False)
    note_start(tmp_path, SECOND, goes_on=False)
    assert [piece["command"] for piece in read_json(tmp_path / "environment.json")["pieces"]] == [SECOND["command"]]


def test_a_file_from_before_there_were_pieces_is_one(tmp_path):
    write_json(tmp_path / "environment.json", FIRST)
    note_start(tmp_path, SECOND, goes_on=True)
    first, second = read_json(tmp_path / "environment.json")["pieces"]
    assert (first["git"], first["started"]) == (FIRST["git"], None)
    assert second["git"] == SECOND["git"]


def test_what_is_described_makes_a_piece(tmp_path):
    note_start(tmp_path, describe("python train.py", 3), goes_on=True)
    (piece,) = read_json(tmp_path / "environment.json")["pieces"]
    assert piece["command"] == "python train.py"
    assert piece["packages"]["torch"]
