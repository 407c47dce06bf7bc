"""Several sets as one: labels, parts, leaks, weights, and readers that can go to other processes."""

import logging
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest

from mien.config.schema import DatasetConfig, DrawnConfig, MixedPartConfig, TableConfig
from mien.data.catalog import load_source
from mien.data.concatenated import Concatenated, concatenate, set_names
from mien.data.decode import Decoder
from mien.data.mixed import draw_weights
from mien.data.readers import ArrayReader, FileReader, Selection
from mien.data.source import Part
from mien.data.split import with_test, with_validation
from mien.errors import ConfigError, DataError
from mien.types import InputSpec, SplitName


def keys(part):
    return [part.reader.key(index) for index in range(len(part))]


@pytest.fixture
def two_sets(save, tmp_path):
    """``one`` has all parts, 8 + 2 + 2 images of each of two classes; ``two`` has a flat folder of three, 20 each."""
    for place, (split, count) in enumerate({"train": 8, "val": 2, "test": 2}.items()):
        for label, name in enumerate(("happy", "sad")):
            for number in range(count):
                save(f"one/{split}/{name}/{number}.png", 10_000 + 1000 * place + 100 * label + number)
    for label, name in enumerate(("joy", "anger", "contempt")):
        for number in range(20):
            save(f"two/{name}/{number}.png", 20_000 + 100 * label + number)
    one = MixedPartConfig("image_folder", str(tmp_path / "one"))
    two = MixedPartConfig("image_folder", str(tmp_path / "two"))
    return {"one": one, "two": two}


def mix(members, **changes):
    return DatasetConfig("mixed", mixed=members, validation_fraction=0.1, test_fraction=0.2, **changes)


def test_classes_are_the_union_and_what_a_set_lacks_is_cut_from_its_own_train(two_sets):
    source = load_source(mix(two_sets))
    assert source.labels.names == ("anger", "contempt", "happiness", "sadness")
    assert source.spec().counts == {  # of two: 4 of 20 are cut off as test, then round(0.1 * 16) = 2 as validation
        SplitName.TRAIN: (14, 14, 8 + 14, 8),
        SplitName.VALIDATION: (2, 2, 2 + 2, 2),
        SplitName.TEST: (4, 4, 2 + 4, 2),
    }
    assert (source.name, source.version) == ("mixed", "image_folder + image_folder")


def test_a_label_stays_with_its_image(two_sets):
    source = load_source(mix(two_sets))
    meant = {"happy": "happiness", "joy": "happiness", "sad": "sadness", "anger": "anger", "contempt": "contempt"}
    for part in source.parts.values():
        folders = [key.split("/")[-2] for key in keys(part)]
        assert [meant[folder] for folder in folders] == [source.labels.names[label] for label in part.labels]


def test_a_set_is_cut_as_when_it_is_used_alone(two_sets):
    alone = load_source(DatasetConfig("image_folder", two_sets["two"].root))
    alone = with_validation(with_test(alone, 0.2, seed=3), 0.1, seed=3)
    source = load_source(mix(two_sets, split_seed=3))
    for split in SplitName:
        mixed = [key.removeprefix("two/") for key in keys(source.parts[split]) if key.startswith("two/")]
        assert mixed == keys(alone.parts[split])


def test_classes_are_renamed_and_dropped(two_sets):
    two_sets["two"].labels = {"Contempt": "Angry", "happiness": ""}
    source = load_source(mix(two_sets))
    assert source.labels.names == ("anger", "happiness", "sadness")
    assert source.spec().counts[SplitName.TRAIN] == (28, 8, 8)
    assert not any("joy" in key for part in source.parts.values() for key in keys(part))


def test_a_class_that_a_set_does_not_have_cannot_be_renamed(two_sets):
    two_sets["two"].labels = {"angri": "disgust"}
    message = r"dataset\.mixed\.two\.labels: the set has no class 'angri'; did you mean 'anger'"
    with pytest.raises(ConfigError, match=message):
        load_source(mix(two_sets))
    two_sets["two"].labels = dict.fromkeys(("anger", "contempt", "happiness"), "")
    with pytest.raises(ConfigError, match=r"dataset\.mixed\.two\.labels: drops every class of the set"):
        load_source(mix(two_sets))


def test_the_errors_are_those_of_the_set_with_its_keys(two_sets, tmp_path):
    two_sets["two"].root = None
    with pytest.raises(DataError, match=r"^dataset\.mixed\.two: .*pass dataset\.mixed\.two\.root=<folder>"):
        load_source(mix(two_sets))
    two_sets["two"] = MixedPartConfig("fer2014")
    with pytest.raises(ConfigError, match=r"dataset\.mixed\.two: dataset\.name=fer2014: did you mean 'fer2013'"):
        load_source(mix(two_sets))
    two_sets["two"] = MixedPartConfig("micro_expressions", str(tmp_path), "v3")
    with pytest.raises(ConfigError, match=r"dataset\.mixed\.two: dataset\.mixed\.two\.version=v3"):
        load_source(mix(two_sets))
    two_sets["two"] = MixedPartConfig("table", str(tmp_path), table=TableConfig("t.csv"))
    with pytest.raises(DataError, match=r"dataset\.mixed\.two\.table\.file=.*t\.csv does not exist"):
        load_source(mix(two_sets))


def test_no_image_leaks_from_one_set_into_another(save, tmp_path, caplog):
    """Files of equal content have equal numbers; each part of ``b`` also holds images of other parts of ``a``."""
    held = {
        "a/train/sad": [1, 2, 3, 30],
        "a/val/sad": [10, 11, 31],
        "a/test/sad": [20, 21],
        "b/train/sad": [4, 10, 20],  # 10 is validation, 20 test in a
        "b/val/sad": [12, 21],  # 21 is test in a
        "b/test/sad": [30, 31, 1],  # train, validation and train in a
    }
    for folder, numbers in held.items():
        for number in numbers:
            save(f"{folder}/{number}.png", number)
    members = {name: MixedPartConfig("image_folder", str(tmp_path / name)) for name in "ab"}
    with caplog.at_level(logging.INFO, "mien"):
        parts = load_source(mix(members)).parts
    assert {split: [int(key.split("/")[-1][:-4]) for key in keys(part)] for split, part in parts.items()} == {
        SplitName.TRAIN: [2, 3, 4],
        SplitName.VALIDATION: [10, 11, 12],
        SplitName.TEST: [20, 21, 1, 30, 31],
    }
    assert "left out of validation, since they stand in test too: 1 of a, 1 of b" in caplog.text
    assert "left out of train, since they stand in test or validation too: 2 of a, 2 of b" in caplog.text


def test_a_part_that_would_be_empty_is_told_with_its_reason(two_sets, tmp_path):
    for path in (tmp_path / "one" / "val").glob("*/*"):
        shutil.copy(tmp_path / "one" / "test" / path.parent.name / path.name, path)
    with pytest.raises(DataError, match="mixed: validation is empty, since all its 4 images stand in test too"):
        load_source(mix({"one": two_sets["one"]}))


def test_every_file_of_a_mix_is_digested_once(two_sets, monkeypatch):
    digest, seen = FileReader.digest, []
    monkeypatch.setattr(FileReader, "digest", lambda self, index: seen.append(self._path(index)) or digest(self, index))
    load_source(mix(two_sets)).spec(SplitName)
    assert len(seen) == len(set(seen)) == 24 + 60


def test_weights_follow_the_sets(two_sets):
    train = load_source(mix(two_sets)).parts[SplitName.TRAIN]
    assert draw_weights(train, mix(two_sets)) is None
    two_sets["two"].weight = 2.5
    weights = draw_weights(train, mix(two_sets))
    assert [weight == 2.5 for weight in weights] == [key.startswith("two/") for key in keys(train)]
    assert set(weights) == {1.0, 2.5}
    some = train.take(np.array([40, 0]))
    assert draw_weights(some, mix(two_sets)).tolist() == [2.5, 1.0]
    assert draw_weights(Part(FileReader(".", ["a.png"]), np.zeros(1, np.int64)), mix(two_sets)) is None


def test_drawn_faces_may_be_one_of_the_sets(two_sets):
    members = {"drawn": MixedPartConfig("drawn_faces"), "one": two_sets["one"]}
    source = load_source(mix(members, drawn=DrawnConfig(train=14, validation=7, test=7)))
    assert len(source.labels) == 7
    assert source.spec().size(SplitName.TRAIN) == 14 + 16


@pytest.fixture
def reader(save, tmp_path):
    for number in range(3):
        save(f"{number}.png", number)
    files = FileReader(tmp_path, ["0.png", "1.png", "2.png"])
    table = ArrayReader(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.array([7, 9]), "t.csv")
    return Concatenated({"files": files, "table": table})


def test_a_concatenation_reads_what_its_readers_read(reader):
    files, table = reader.readers.values()
    assert len(reader) == 5
    assert [reader.key(index) for index in range(5)] == [
        "files/0.png",
        "files/1.png",
        "files/2.png",
        "table/t.csv:7",
        "table/t.csv:9",
    ]
    for index, (own, place) in enumerate([(files, 0), (files, 1), (files, 2), (table, 0), (table, 1)]):
        assert (reader.read(index) == own.read(place)).all()
        assert (reader.digest(index), reader.state(index)) == (own.digest(place), own.state(place))
        assert reader.stamp(index).endswith("/" + own.stamp(place))
    assert reader.process_from == files.process_from
    again = pickle.loads(pickle.dumps(reader))
    assert (again.read(3) == table.read(0)).all()
    with pytest.raises(IndexError):
        reader.read(5)


def test_cuts_of_the_same_sets_share_their_reader(reader):
    files, table = reader.readers.values()
    a = Part(Selection(files, np.array([2, 0])), np.array([0, 1]))
    b = Part(table, np.array([1, 1]))
    part = concatenate({"a": a, "b": b})
    assert keys(part) == ["a/2.png", "a/0.png", "b/t.csv:7", "b/t.csv:9"]
    assert part.labels.tolist() == [0, 1, 1, 1]
    assert set_names(part) == ["a", "a", "b", "b"]
    assert set_names(part.take(np.array([3, 1]))) == ["b", "a"]
    assert set_names(a) is None
    assert list(part.reader.reader.readers.values()) == [files, table]


@pytest.mark.parametrize("cache", [False, True])
def test_a_mix_is_decoded_as_its_sets_are(two_sets, tmp_path, cache):
    config = mix(two_sets, cache=str(tmp_path / "cache") if cache else "off")
    spec = InputSpec(8)
    decoder = Decoder.of(config, spec)
    parts = load_source(config).parts
    decoded = decoder.decode_parts(parts)
    for split, part in parts.items():
        expected = Decoder(spec).decode(part)
        assert (decoded[split][:] == expected[:]).all()
    again = Decoder.of(replace(config, split_seed=5), spec).decode_parts(
        load_source(replace(config, split_seed=5)).parts
    )
    assert len(again[SplitName.TRAIN]) == len(decoded[SplitName.TRAIN])
    if cache:  # another cut of the same sets takes what is there
        assert len(list((tmp_path / "cache").rglob("*.npy"))) == 3
