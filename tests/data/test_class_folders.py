import os

import pytest

from mien.config.schema import DatasetConfig
from mien.data import micro_expressions
from mien.data.catalog import load_source
from mien.errors import ConfigError, DataError
from mien.labels import EXPRESSIONS
from mien.types import SplitName


def config(root, name="image_folder", version=None):
    return DatasetConfig(name=name, root=str(root), version=version)


def keys(part):
    return [part.reader.key(index) for index in range(len(part))]


def test_class_folders_without_splits_are_train_in_natural_order(save, tmp_path):
    for path, seed in (("Sad/10.png", 1), ("Sad/2.PNG", 2), ("happy/1.png", 3), ("Sad/.hidden.png", 4)):
        save(path, seed)
    source = load_source(config(tmp_path))
    assert source.labels.names == ("happiness", "sadness")
    assert list(source.parts) == [SplitName.TRAIN]
    assert keys(source.parts[SplitName.TRAIN]) == ["happy/1.png", "Sad/2.PNG", "Sad/10.png"]
    assert source.parts[SplitName.TRAIN].labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "valid", "testing"), ("TRAIN", "dev", "Test")]
)
def test_split_folders_are_recognised(names, save, tmp_path):
    for number, name in enumerate(names):
        for copy in range(number + 1):
            save(f"{name}/joy/{copy}.png", copy)
            save(f"{name}/mad/{copy}.png", copy)
    save("__MACOSX/train/joy/0.png", 0)
    spec = load_source(config(tmp_path)).spec()
    assert spec.labels.names == ("anger", "happiness")
    assert spec.counts == {SplitName.TRAIN: (1, 1), SplitName.VALIDATION: (2, 2), SplitName.TEST: (3, 3)}


def test_a_test_folder_alone_can_be_scored(save, tmp_path):
    save("test/a/1.png", 1)
    assert load_source(config(tmp_path)).spec().counts == {SplitName.TEST: (1,)}


def test_entries_that_are_no_images_are_told(save, tmp_path, caplog):
    save("a/1.png", 1)
    (tmp_path / "a" / "notes.txt").write_text("hello")
    load_source(config(tmp_path))
    assert "a/: 1 entries are not taken (folders, or suffixes of no image), such as notes.txt" in caplog.text


def test_every_suffix_that_pillow_reads_is_taken(save, tmp_path):
    for number, suffix in enumerate(("jpg", "jfif", "jpe", "avif", "webp", "jp2")):
        save(f"a/{number}.{suffix}", number, 16, 16)
    part = load_source(config(tmp_path)).parts[SplitName.TRAIN]
    assert [part.reader.read(index).shape for index in range(len(part))] == [(16, 16, 3)] * 6


def test_names_that_are_not_utf_8_are_told(save, tmp_path):
    save("a/1.png", 1)
    (tmp_path / "a" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    save(os.fsdecode(b"caf\xe9/1.png"), 2)
    with pytest.raises(DataError) as caught:
        load_source(config(tmp_path))
    assert r"1 names are not UTF-8, such as a/caf\udce9.png; rename them" in str(caught.value)
    assert r"1 names are not UTF-8, such as caf\udce9/1.png; rename them" in str(caught.value)
    assert str(caught.value).isascii()


def test_an_accent_may_be_a_letter_of_its_own(save, tmp_path):
    for split, name in (("train", "g\u00eane"), ("test", "ge\u0302ne")):
        save(f"{split}/{name}/1.png", 1)
    assert load_source(config(tmp_path)).labels.names == ("g\u00eane",)


def test_all_problems_of_the_folders_are_told_at_once(save, tmp_path):
    for path in ("train/sad/1.png", "train/sadness/1.png", "val/sad/1.png", "validation/sad/1.png", "tset/sad/1.png"):
        save(path, 1)
    (tmp_path / "train" / "fear").mkdir()
    with pytest.raises(DataError) as caught:
        load_source(config(tmp_path))
    message = str(caught.value)
    assert "val/ and validation/ both mean validation" in message
    assert "tset/ beside the splits is none: did you mean 'test'" in message
    assert "class folder train/fear/ is empty: no image in it" in message
    assert "train/sad/ and train/sadness/ both mean sadness; merge or rename them" in message


def test_a_root_one_level_too_high_is_told(save, tmp_path):
    save("archive/train/sad/1.png", 1)
    with pytest.raises(
        DataError, match=r"archive/ is empty.*holds the folders train/: is dataset.root one level too high"
    ):
        load_source(config(tmp_path))


def test_images_without_class_folders_are_told(save, tmp_path):
    save("train/1.png", 1)
    with pytest.raises(DataError, match="no class folders in train/"):
        load_source(config(tmp_path))


def test_a_class_that_train_lacks_is_told(save, tmp_path):
    for path in ("train/sad/1.png", "train/joy/1.png", "test/contempt/1.png"):
        save(path, 1)
    with pytest.raises(DataError, match="image_folder: no image of contempt in train"):
        load_source(config(tmp_path))


@pytest.mark.parametrize("name", ["image_folder", "micro_expressions", "fer2013", "table"])
def test_a_missing_root_says_what_was_expected_and_found(name, tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError) as caught:
        load_source(config(tmp_path / "no" / "where", name))
    message = str(caught.value)
    assert message.startswith(f"data set {name}: dataset.root={tmp_path / 'no' / 'where'} does not exist")
    assert "expected:\n    <dataset.root>/" in message
    assert f"found in {tmp_path}: photos/" in message
    assert "where to get it: " in message


@pytest.mark.parametrize("name", ["image_folder", "micro_expressions", "fer2013", "table"])
def test_a_root_that_is_not_set_is_told(name):
    with pytest.raises(DataError, match=f"data set {name}: dataset.root is not set; pass dataset.root=<folder>"):
        load_source(DatasetConfig(name=name))


def test_the_origin_of_the_published_sets_is_named():
    for name, origin in (("micro_expressions", "kmirfan/micro-expressions"), ("fer2013", "msambare/fer2013")):
        with pytest.raises(DataError, match=origin):
            load_source(DatasetConfig(name=name))


def test_what_was_found_is_cut_short(tmp_path):
    for number in range(25):
        (tmp_path / f"file{number:02}.txt").touch()
    with pytest.raises(DataError, match=r"file08.txt, file09.txt, \.\.\. \(25 entries\)"):
        load_source(config(tmp_path))


@pytest.fixture
def small_v1(monkeypatch):
    counts = {SplitName.TRAIN: (3, 1, 2, 3, 1, 1, 1), SplitName.TEST: (1, 1, 1, 2, 1, 1, 1)}
    monkeypatch.setattr(micro_expressions, "V1_COUNTS", counts)
    return counts


def test_the_published_counts():
    counts = micro_expressions.V1_COUNTS
    assert (sum(counts[SplitName.TRAIN]), sum(counts[SplitName.TEST])) == (6938, 1700)


@pytest.mark.parametrize("version", [None, "v1"])
def test_v1_takes_the_first_files_by_number(version, small_v1, seven_classes, tmp_path):
    seven_classes("train", 12)
    (tmp_path / "train" / "anger" / "anger7 (1).png").write_bytes(b"a copy")
    seven_classes("test", 3, offset=100_000)
    source = load_source(config(tmp_path, "micro_expressions", version))
    assert source.labels is EXPRESSIONS
    assert source.version == "v1"
    assert source.spec().counts == small_v1
    assert keys(source.parts[SplitName.TRAIN])[:4] == [
        "train/anger/anger1.png",
        "train/anger/anger2.png",  # not anger10, which stands before it in the alphabet
        "train/anger/anger3.png",
        "train/disgust/disgust1.png",
    ]


def test_v2_takes_all(seven_classes, tmp_path):
    seven_classes("train", 3)
    seven_classes("test", 2)
    source = load_source(config(tmp_path, "micro_expressions", "v2"))
    assert source.spec().counts == {SplitName.TRAIN: (3,) * 7, SplitName.TEST: (2,) * 7}


def test_v1_is_whole_or_an_error(small_v1, seven_classes, tmp_path):
    seven_classes("train", 3)
    seven_classes("test", 2)
    (tmp_path / "train" / "anger" / "anger2.png").unlink()
    with pytest.raises(DataError) as caught:
        load_source(config(tmp_path, "micro_expressions"))
    assert "version v1 is not complete; dataset.version=v2 takes what is there" in str(caught.value)
    assert "train/anger: 1 of 3 missing, such as anger2.jpg" in str(caught.value)


def test_an_unknown_version_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"dataset\.version=v3: known: v1, v2"):
        load_source(config(tmp_path, "micro_expressions", "v3"))


def test_other_classes_are_refused(save, seven_classes, tmp_path):
    seven_classes("train", 1)
    seven_classes("test", 1)
    save("train/contempt/1.png", 1)
    (tmp_path / "test" / "fear" / "fear1.png").unlink()
    (tmp_path / "test" / "fear").rmdir()
    with pytest.raises(DataError) as caught:
        load_source(config(tmp_path, "micro_expressions", "v2"))
    assert "train has an unknown class: contempt" in str(caught.value)
    assert "test has no folder for fear" in str(caught.value)
