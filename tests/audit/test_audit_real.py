"""The audit on the real data sets; set MIEN_DATA to the folder that holds them."""

import os
from pathlib import Path

import numpy as np
import pytest

from mien.audit import images as module
from mien.audit.duplicates import exact_groups, near_pairs
from mien.audit.leaks import count_leaks, find_leaks
from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source

ROOT = Path(os.environ.get("MIEN_DATA", ""))

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "MIEN_DATA" not in os.environ, reason="MIEN_DATA is not set to the folder of the real data sets"
    ),
]


@pytest.fixture
def look(monkeypatch):
    """Look at a data set by its files' bytes alone, which is fast: of each image only digest and label are known."""
    thumb = np.zeros((module.SIDE, module.SIDE), np.uint8)
    monkeypatch.setattr(module, "_facts", lambda image: (thumb, 0, 0, (48, 48), 0.0, 0.0, False))

    def run(name, version=None):
        source = load_source(DatasetConfig(name, root=str(ROOT / name), version=version))
        images, unreadable = module.look_at(source)
        assert unreadable == ()
        leaked = find_leaks(images, near_pairs(images, 0))  # none is near: all are flat
        counts = count_leaks(leaked, {str(split): len(part) for split, part in source.parts.items()})
        return images, leaked, {(c.split, c.into): (c.images, c.exact, c.exact_conflicting) for c in counts}

    return run


@pytest.mark.parametrize(("version", "expected"), [("v1", (1700, 35, 13)), ("v2", (1860, 41, 14))])
def test_micro_expressions(look, version, expected):
    images, _, counts = look("micro_expressions", version)
    assert counts == {("test", "train"): expected}
    if version == "v2":
        groups = exact_groups(images)
        assert sum(group.splits.count("train") - 1 for group in groups if "train" in group.splits) == 68
        assert sum(group.splits.count("test") - 1 for group in groups if "test" in group.splits) == 10


def test_fer2013(look):
    images, leaked, counts = look("fer2013")
    assert counts == {
        ("test", "train"): (3589, 288, 15),
        ("validation", "train"): (3589, 280, 13),
        ("test", "validation"): (3589, 44, 2),
    }
    without_disgust = [leak for leak in leaked if leak.label != "disgust" and leak.into == "train"]
    six = {split: sum(leak.split == split for leak in without_disgust) for split in ("test", "validation")}
    assert six == {"test": 272, "validation": 265}
    groups = exact_groups(images)
    assert sum(group.conflicting for group in groups) == 57
    assert sum(len(set(group.labels) - {"disgust"}) > 1 for group in groups) == 54
