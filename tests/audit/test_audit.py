"""A whole audit, from images to files, and the command."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import PIL.ImageOps
import pytest
from made_up_set import photo

from mien.audit import find, load
from mien.audit.copies import known_copies
from mien.audit.out_of_fold import OutOfFold
from mien.audit.run import audit as audit_subject
from mien.audit.run import find_subject
from mien.config.audit import AuditConfig
from mien.config.schema import DatasetConfig, DrawnConfig, MixedPartConfig, TableConfig
from mien.data.catalog import load_source
from mien.data.fer2013_csv import SIDE
from mien.data.split import with_validation
from mien.errors import DataError, RunFolderError
from mien.files import read_json
from mien.types import SplitName

ROOT = Path(__file__).resolve().parents[2]


def audit(config, command=""):
    return audit_subject(find_subject(config), command)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two classes of 12 and 12 in train, 3 and 3 in test, with one leak of every kind."""
    folder = tmp_path_factory.mktemp("data")
    for number, label in enumerate(("anger", "fear")):
        for split, count in (("train", 12), ("test", 3)):
            (folder / split / label).mkdir(parents=True)
            for seed in range(count):
                photo(1000 * number + 100 * (split == "test") + seed).save(folder / split / label / f"{seed}.png")
    photo(0).save(folder / "test/anger/0.png")  # stands in train as anger
    photo(1).save(folder / "test/fear/0.png")  # stands in train as anger
    PIL.ImageOps.mirror(photo(1002)).save(folder / "test/fear/1.png")  # its mirror image stands in train as fear
    photo(3).save(folder / "train/fear/3.png")  # conflicts within train
    (folder / "train/anger/bad.png").write_bytes(b"")
    PIL.Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "train/anger/black.png")
    return folder


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    config = AuditConfig(DatasetConfig("image_folder", root=str(data)), output=str(tmp_path_factory.mktemp("output")))
    return audit(config, "python audit.py")


def test_the_result(done):
    result = done.result
    assert [(part.split, part.images, part.unreadable, part.per_class) for part in result.parts] == [
        ("train", 26, 1, (14, 12)),
        ("test", 6, 0, (3, 3)),
    ]
    assert [one.key for one in result.unreadable] == ["train/anger/bad.png"]
    leak = result.leaks[0]
    assert (leak.images, leak.exact, leak.exact_conflicting, leak.near, leak.near_conflicting) == (6, 2, 1, 1, 0)
    exact, near = result.duplicates
    assert (exact.groups, exact.across, exact.conflicting, exact.within) == (3, 2, 2, {"train": 1, "test": 0})
    assert (near.groups, near.images, near.conflicting) == (1, 2, 0)
    assert result.outliers["constant"] == 1
    assert result.label_errors is None
    assert done.verdict.startswith("2 of 6 test images stand in train byte for byte, 1 of them under another label.")


def test_the_lists(done):
    leaked = pd.read_csv(done.folder / "leaked.csv")
    assert leaked["key"].tolist() == ["test/anger/0.png", "test/fear/0.png", "test/fear/1.png"]
    assert leaked["exact_copies"].tolist()[:2] == ["train/anger/0.png", "train/anger/1.png"]
    assert (leaked["near_copy"][2], bool(leaked["mirrored"][2])) == ("train/fear/2.png", True)
    duplicates = pd.read_csv(done.folder / "duplicates.csv")
    assert duplicates.groupby(["kind", "group"]).size().to_dict() == {
        ("exact", 1): 2, ("exact", 2): 2, ("exact", 3): 2, ("near", 1): 2,
    }  # fmt: skip
    assert duplicates[duplicates["group"] == 1]["split"].tolist() == ["train", "test"] * 2
    assert (duplicates["distance"] == 0).to_numpy()[:6].all()
    assert pd.read_csv(done.folder / "outliers.csv")["key"][0] == "train/anger/black.png"


def test_it_is_found_again(done, data, tmp_path):
    assert load(done.folder) == done.result
    source = load_source(DatasetConfig("image_folder", root=str(data)))
    cut = with_validation(source, 0.1, 0)  # as protocol=clean does
    output = done.folder.parents[1]
    assert find(output, source.spec().fingerprint) == done.folder
    assert find(output, cut.spec().fingerprint) == done.folder
    assert find(output, "another") is None
    assert find(tmp_path, source.spec().fingerprint) is None


def test_a_damaged_or_older_audit_stops_no_run(done, data, tmp_path, caplog):
    fingerprint = done.result.fingerprints[0]
    for name, content in {"damaged": '{"schema": 1', "older": None}.items():
        (tmp_path / "audits" / name).mkdir(parents=True)
        text = json.dumps(read_json(done.folder / "audit.json") | {"more": 1}) if content is None else content
        (tmp_path / "audits" / name / "audit.json").write_text(text)
    assert known_copies(done.folder.parents[1], fingerprint, "test")
    with caplog.at_level("WARNING", "mien"):
        assert known_copies(tmp_path, fingerprint, "test") is None
    assert "damaged/audit.json is passed over: it cannot be read" in caplog.text
    assert "no score without copies" in caplog.text


def test_the_pages(done):
    for name in ("report.md", "report.html"):
        text = (done.folder / name).read_text(encoding="utf-8")
        assert "2 of 6 test images stand in train" in text
        assert "train/anger/bad.png" in text
        assert "empty file" in text
    assert sorted(path.name for path in (done.folder / "plots").iterdir()) == [
        "duplicates.png",
        "near_duplicates.png",
        "outliers.png",
    ]


def test_the_clean_table_is_a_data_set_without_leaks(done, data, tmp_path):
    table = TableConfig(str(done.folder / "clean.csv"), split="split")
    config = DatasetConfig("table", root=str(data), table=table)
    source = load_source(config)
    sizes = {str(split): len(part) for split, part in source.parts.items()}
    assert sizes == done.result.clean == {"train": 22, "test": 6}  # 26, the unreadable one and three copies less
    again = audit(AuditConfig(config, output=str(tmp_path))).result
    assert (again.leaks[0].exact, again.leaks[0].near, again.unreadable) == (0, 0, ())


def test_again_with_other_findings_leaves_nothing_old(data, tmp_path):
    config = AuditConfig(DatasetConfig("image_folder", root=str(data)), output=str(tmp_path))
    folder = audit(config).folder
    (folder / "label_errors.csv").write_text("old")
    (folder / "mine.csv").write_text("kept")
    assert audit(config).folder == folder
    assert not (folder / "label_errors.csv").exists()
    assert (folder / "mine.csv").read_text() == "kept"
    assert audit(AuditConfig(config.dataset, near=4, output=str(tmp_path))).folder.name == folder.name + "-near4"


def test_label_errors(data, tmp_path):
    dataset = DatasetConfig("image_folder", root=str(data))
    subject = find_subject(AuditConfig(dataset, output=str(tmp_path)))
    probabilities = np.array([[0.9, 0.1]] * 12 + [[0.1, 0.9]] * 12)  # of the readable images of train, but for black
    probabilities[5] = 0.02, 0.98
    probabilities = np.concatenate([probabilities, [[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 2 + [[0.6, 0.4]]])  # test
    rows = np.r_[np.arange(12), np.arange(14, 32)]
    said = OutOfFold(rows, probabilities, ("run",), in_train=3, skipped=("other: it is of another data set",))
    done = audit_subject(replace(subject, said=said))
    found = done.result.label_errors
    assert (found.covered, found.images, found.suspects, found.in_train, found.rare) == (30, 31, 1, 3, ())
    assert found.agreement == pytest.approx(28 / 30)
    assert [(one.copy, one.images, one.share) for one in found.by_copy] == [
        ("none", 3, pytest.approx(2 / 3)), ("near", 1, 1), ("exact", 2, 1),
    ]  # fmt: skip
    table = pd.read_csv(done.folder / "label_errors.csv")
    assert table.iloc[0].tolist() == ["train", "train/anger/5.png", "anger", "fear", 0.02, 0.98]
    assert (done.folder / "plots" / "label_errors.png").is_file()
    text = (done.folder / "report.md").read_text(encoding="utf-8")
    assert "30 of 31 images have a prediction" in text
    assert "3 predictions were left out" in text
    assert "it is of another data set" in text


def test_a_folder_without_splits_is_cut_as_runs_cut_it(data, tmp_path):
    done = audit(AuditConfig(DatasetConfig("image_folder", root=str(data / "train")), output=str(tmp_path)))
    assert done.result.cut == ("test",)
    assert [part.split for part in done.result.parts] == ["train", "test"]
    assert done.result.leaks[0].exact == 0  # the cut keeps equal images on one side
    assert "cut off from train" in (done.folder / "report.md").read_text(encoding="utf-8")


def test_a_table_with_missing_files(data, tmp_path):
    rows = [("train/anger/0.png", "anger"), ("gone.png", "anger"), ("train/fear/0.png", "fear")]
    rows += [(f"train/{label}/{number}.png", label) for label in ("anger", "fear") for number in range(4, 9)]
    pd.DataFrame(rows, columns=["path", "label"]).to_csv(tmp_path / "table.csv", index=False)
    config = DatasetConfig("table", root=str(data), table=TableConfig(str(tmp_path / "table.csv")))
    result = audit(AuditConfig(config, output=str(tmp_path))).result
    assert [(one.split, one.key) for one in result.unreadable] == [("", "gone.png")]


def test_drawn_faces_and_mixes(data, tmp_path):
    drawn = DatasetConfig("drawn_faces", drawn=DrawnConfig(train=28, validation=7, test=7))
    result = audit(AuditConfig(drawn, output=str(tmp_path))).result
    assert [part.images for part in result.parts] == [28, 7, 7]
    assert result.clean is None  # there are no files
    own = MixedPartConfig("image_folder", root=str(data))
    mixed = audit(AuditConfig(DatasetConfig("mixed", mixed={"a": own, "b": own}), output=str(tmp_path))).result
    assert mixed.leaks[0].exact == 0  # a mix leaves these out itself


def test_fer2013_as_csv(tmp_path):
    rows = []
    for label in range(7):
        for usage, seeds in (("Training", (1, 2, 3)), ("PublicTest", (4,)), ("PrivateTest", (1,))):
            for seed in seeds:
                pixels = np.asarray(photo(10 * label + seed, SIDE).convert("L")).ravel()
                rows.append((label, " ".join(map(str, pixels)), usage))
    pd.DataFrame(rows, columns=["emotion", "pixels", "Usage"]).to_csv(tmp_path / "fer2013.csv", index=False)
    result = audit(AuditConfig(DatasetConfig("fer2013", root=str(tmp_path)), output=str(tmp_path))).result
    assert [leak.exact for leak in result.leaks] == [7, 0, 0]
    assert result.clean is None


def test_no_audit_there(tmp_path, done):
    with pytest.raises(RunFolderError, match=r"python audit\.py"):
        load(tmp_path)
    (tmp_path / "audit.json").write_text('{"schema": 99}')
    with pytest.raises(RunFolderError, match="expected schema 1"):
        load(tmp_path)


def test_an_empty_split(data, tmp_path, monkeypatch):
    source = load_source(DatasetConfig("image_folder", root=str(data)))
    empty = source.with_parts({**source.parts, SplitName.VALIDATION: source.parts[SplitName.TEST].take(np.arange(0))})
    monkeypatch.setattr("mien.audit.run.load_source", lambda config: empty)
    with pytest.raises(DataError, match="validation without an image"):
        audit(AuditConfig(DatasetConfig("image_folder", root=str(data)), output=str(tmp_path)))


def command(folder, *arguments):
    call = [sys.executable, "-X", "importtime", str(ROOT / "audit.py"), *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=120, env=env, check=False)


def test_the_command_finds_problems_and_ends_well_without_torch(data, tmp_path):
    done = command(tmp_path, "dataset=image_folder", f"dataset.root={data}")
    assert done.returncode == 0, done.stderr
    assert "2 of 6 test images stand in train byte for byte" in done.stdout.replace("\n", " ")
    assert "report.html" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"torch", "cleanlab", "matplotlib.pyplot"}.isdisjoint(imported)
    assert len(list(tmp_path.glob("outputs/audits/image_folder-*/audit.json"))) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "there is nothing to audit"),
        (["dataset=micro_expressions"], "dataset.root is not set"),
        (["dataset=drawn_faces", "near=40"], "near: expected 0 to 16, got 40"),
        (["dataset=drawn_faces", "dataset.faces=detected"], "dataset.faces=detected: an audit looks at the images as"),
        (["dataset=drawn_faces", "neer=4"], "did you mean 'near'?"),
        (["dataset=drawn_faces", "predictions=3"], "predictions: expected a folder or a list of folders, got 3"),
        (["dataset=drawn_faces", "predictions=[nowhere,elsewhere]"], "predictions=nowhere: expected a finished run"),
    ],
)
def test_bad_input_ends_at_once_with_a_message(tmp_path, arguments, told):
    done = command(tmp_path, *arguments)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
