import pickle

import numpy as np
import pytest

from mien.config.schema import DatasetConfig, DrawnConfig
from mien.data.catalog import SOURCES, load_source
from mien.data.drawn_faces import with_label_noise
from mien.errors import ConfigError
from mien.labels import EXPRESSIONS
from mien.types import SplitName


def load(**drawn):
    return load_source(DatasetConfig(name="drawn_faces", drawn=DrawnConfig(**{"size": 16, **drawn})))


def test_the_default_set():
    spec = load_source(DatasetConfig(name="drawn_faces")).spec()
    assert spec.labels is EXPRESSIONS
    assert spec.counts == {
        SplitName.TRAIN: (500,) * 7,
        SplitName.VALIDATION: (100,) * 7,
        SplitName.TEST: (200,) * 7,
    }


def test_the_splits_show_different_faces():
    parts = load().parts
    first = [parts[split].reader.read(0) for split in SplitName]
    assert (first[0] != first[1]).any()
    assert (first[1] != first[2]).any()
    assert len({parts[split].reader.key(0) for split in SplitName}) == 3


def test_a_face_does_not_follow_from_the_count():
    assert (load(train=14).parts[SplitName.TRAIN].reader.read(5) == load().parts[SplitName.TRAIN].reader.read(5)).all()


def test_the_fingerprint_follows_from_the_settings():
    settings = [{}, {}, {"seed": 1}, {"size": 20}, {"train": 70}, {"label_noise": 0.1}]
    prints = [
        load(**{"train": 140, "validation": 14, "test": 14, **setting}).spec().fingerprint for setting in settings
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 5


def test_a_split_of_no_faces_is_left_out():
    assert list(load(train=0, validation=0).parts) == [SplitName.TEST]


def test_readers_can_be_pickled():
    reader = load(train=14).parts[SplitName.TRAIN].reader
    again = pickle.loads(pickle.dumps(reader))
    assert again.process_from == reader.process_from == 1000
    assert (again.read(3) == reader.read(3)).all()
    assert again.digest(3) == reader.digest(3) != reader.digest(4)


def test_label_noise_is_in_train_only_and_of_the_share_asked_for():
    clean, noisy = load().parts, load(label_noise=0.2).parts
    changed = clean[SplitName.TRAIN].labels != noisy[SplitName.TRAIN].labels
    assert changed.sum() == 700
    for split in (SplitName.VALIDATION, SplitName.TEST):
        assert (clean[split].labels == noisy[split].labels).all()


def test_label_noise_takes_every_other_class_alike():
    labels = np.full(60_000, 2)
    counts = np.bincount(with_label_noise(labels, 1.0, seed=0), minlength=7)
    assert counts[2] == 0
    assert np.delete(counts, 2).min() > 9_600
    assert np.delete(counts, 2).max() < 10_400


def test_label_noise_is_seeded():
    labels = np.arange(700) % 7
    noisy = [with_label_noise(labels, 0.3, seed) for seed in (0, 0, 1)]
    assert (noisy[0] == noisy[1]).all()
    assert (noisy[0] != noisy[2]).any()
    assert (with_label_noise(labels, 0.0, seed=0) == labels).all()
    with pytest.raises(ValueError, match=r"label_noise must lie in 0\.\.1"):
        with_label_noise(labels, 1.5, seed=0)


def test_an_unknown_data_set_is_told():
    with pytest.raises(ConfigError, match=r"dataset\.name=fer2012: did you mean 'fer2013'\?"):
        load_source(DatasetConfig(name="fer2012"))
    with pytest.raises(ConfigError, match="known: drawn_faces, fer2013, image_folder, micro_expressions, mixed, table"):
        load_source(DatasetConfig(name="zzz"))
    assert len(SOURCES) == 6
