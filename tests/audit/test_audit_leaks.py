"""Leaks between splits, against a truth table."""

import numpy as np
from made_up_set import images_of

from mien.audit.duplicates import Pairs
from mien.audit.leaks import count_leaks, find_leaks
from mien.audit.tables import leaked_table

PARTS = {
    "train": [("a", "anger"), ("b", "fear"), ("b", "anger"), ("c", "sadness"), ("d", "fear")],
    "validation": [("e", "fear")],
    "test": [("a", "anger"), ("b", "fear"), ("f", "anger"), ("g", "fear"), ("h", "fear")],
}
# contents: a 0, b 1, c 2, d 3, e 4, f 5, g 6, h 7
PAIRS = Pairs(
    first=np.array([0, 2, 3, 4]),
    second=np.array([2, 5, 5, 6]),
    distance=np.array([8, 6, 4, 0]),
    likeness=np.array([0.95, 0.99, 0.93, 0.97]),
    mirrored=np.array([False, False, True, False]),
)


def test_leaks():
    a, b, f, g = find_leaks(images_of(PARTS), PAIRS)
    assert (a.split, a.into, a.key, a.exact, a.exact_labels) == ("test", "train", "test-0", ("train-0",), ("anger",))
    assert (a.near, a.near_label, a.distance, a.likeness, a.mirrored) == ("train-3", "sadness", 8, 0.95, False)
    assert not a.conflicting  # its exact copy has the same label
    assert (b.exact, b.exact_labels, b.near, b.distance) == (("train-1", "train-2"), ("anger", "fear"), "", None)
    assert b.conflicting
    assert (f.exact, f.near, f.near_label, f.distance, f.mirrored) == ((), "train-4", "fear", 4, True)
    assert f.conflicting  # anger, and its nearest copy is fear
    assert (g.split, g.into, g.key, g.near, g.conflicting) == ("test", "validation", "test-3", "validation-0", False)


def test_counts():
    leaked = find_leaks(images_of(PARTS), PAIRS)
    counts = count_leaks(leaked, {"train": 5, "validation": 1, "test": 5})
    rows = [(c.split, c.into, c.images, c.exact, c.exact_conflicting, c.near, c.near_conflicting) for c in counts]
    assert rows == [
        ("test", "train", 5, 2, 1, 1, 1),
        ("validation", "train", 1, 0, 0, 0, 0),
        ("test", "validation", 5, 0, 0, 1, 0),
    ]
    assert [(c.split, c.into) for c in count_leaks(leaked, {"train": 5, "test": 5})] == [("test", "train")]


def test_the_table():
    table = leaked_table(find_leaks(images_of(PARTS), PAIRS))
    assert table["key"].tolist() == ["test-0", "test-1", "test-2", "test-3"]
    assert table["also_in"].tolist() == ["train", "train", "train", "validation"]
    assert table["exact_copies"].tolist() == ["train-0", "train-1 | train-2", "", ""]
    assert table["exact_labels"].tolist() == ["anger", "anger | fear", "", ""]
    assert table["near_copy"].tolist() == ["train-3", "", "train-4", "validation-0"]
    assert len(leaked_table([])) == 0
