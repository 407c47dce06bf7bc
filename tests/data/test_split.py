from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from mien.data.source import Part, SourceData
from mien.data.split import cut, with_test, with_validation
from mien.errors import DataError
from mien.labels import EXPRESSIONS, LabelSet
from mien.types import SplitName


@dataclass(frozen=True)
class NamedReader:
    """Images that are only names; what stands before a dot is the content."""

    names: list[str]
    process_from: ClassVar[float] = 1

    def __len__(self):
        return len(self.names)

    def read(self, index):
        raise AssertionError("splitting decodes nothing")

    def key(self, index):
        return self.names[index]

    def stamp(self, index):
        return self.names[index]

    def digest(self, index):
        return self.names[index].split(".")[0].encode()


def part_of(pairs: list[tuple[str, int]]) -> Part:
    return Part(NamedReader([name for name, _ in pairs]), np.array([label for _, label in pairs], np.int64))


def keys(part: Part) -> list[str]:
    return [part.reader.key(index) for index in range(len(part))]


UNEVEN = [(f"{label}-{number}", label) for label, count in enumerate((100, 37, 5, 1)) for number in range(count)]
DOUBLED = [(f"{number}.{copy}", number % 3) for number in range(60) for copy in range(1 + number % 4)]


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.1, [10, 4, 1, 0]), (0.2, [20, 7, 1, 0]), (0.5, [50, 18, 2, 0]), (0.99, [99, 36, 4, 0])],
)
def test_the_cut_is_stratified(fraction, expected):
    rest, cut_off = cut(part_of(UNEVEN), fraction, seed=0)
    assert np.bincount(cut_off.labels, minlength=4).tolist() == expected
    assert sorted(keys(rest) + keys(cut_off)) == sorted(name for name, _ in UNEVEN)


def test_a_class_without_images_does_no_harm():
    rest, cut_off = cut(part_of([(f"{number}", 3 * (number % 2)) for number in range(20)]), 0.2, seed=0)
    assert np.bincount(cut_off.labels).tolist() == [2, 0, 0, 2]
    assert len(rest) == 16


def test_labels_stay_with_their_images():
    for part in cut(part_of(UNEVEN), 0.3, seed=0):
        assert [int(key.split("-")[0]) for key in keys(part)] == part.labels.tolist()


def test_duplicates_stay_on_one_side_and_the_counts_are_met():
    rest, cut_off = cut(part_of(DOUBLED), 0.2, seed=0)
    assert not {key.split(".")[0] for key in keys(rest)} & {key.split(".")[0] for key in keys(cut_off)}
    sizes = Counter(label for _, label in DOUBLED)
    assert np.bincount(cut_off.labels).tolist() == [round(0.2 * sizes[label]) for label in range(3)]


def test_duplicates_with_different_labels_stay_on_one_side():
    pairs = [(f"{number}.{label}", label) for number in range(20) for label in range(2)]
    rest, cut_off = cut(part_of(pairs), 0.25, seed=0)
    assert len(cut_off) == 10
    assert not {key.split(".")[0] for key in keys(rest)} & {key.split(".")[0] for key in keys(cut_off)}


@pytest.mark.parametrize("pairs", [UNEVEN, DOUBLED])
def test_the_order_of_the_files_does_not_matter(pairs):
    shuffled = [pairs[index] for index in np.random.default_rng(5).permutation(len(pairs))]
    _, first = cut(part_of(pairs), 0.3, seed=7)
    _, second = cut(part_of(shuffled), 0.3, seed=7)
    groups = [sorted(key.split(".")[0] for key in keys(part)) for part in (first, second)]
    assert groups[0] == groups[1]


def test_the_seed_decides():
    cuts = [keys(cut(part_of(UNEVEN), 0.3, seed)[1]) for seed in (0, 0, 1)]
    assert cuts[0] == cuts[1] != cuts[2]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1])
def test_a_fraction_outside_0_to_1_is_refused(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        cut(part_of(UNEVEN), fraction, seed=0)


def source_of(**parts: Part) -> SourceData:
    return SourceData(
        "toy", "", LabelSet(("a", "b", "c", "d")), {SplitName(name): part for name, part in parts.items()}
    )


def test_validation_and_test_are_cut_where_missing(caplog):
    source = with_validation(with_test(source_of(train=part_of(UNEVEN)), 0.2, seed=0), 0.1, seed=0)
    assert source.spec().counts == {
        SplitName.TRAIN: (72, 27, 3, 1),
        SplitName.VALIDATION: (8, 3, 1, 0),
        SplitName.TEST: (20, 7, 1, 0),
    }
    assert "too few images of d to have any in validation" in caplog.text


def test_a_validation_part_of_its_own_is_kept():
    source = source_of(train=part_of(UNEVEN), validation=part_of([("x", 0)]))
    assert with_validation(source, 0.1, seed=0) is source


def test_without_train_nothing_can_be_cut():
    with pytest.raises(DataError, match="toy: no train part to cut validation from; it has test"):
        with_validation(source_of(test=part_of(UNEVEN)), 0.1, seed=0)


def test_an_empty_cut_is_an_error():
    with pytest.raises(DataError, match=r"too few images to cut validation .*dataset.validation_fraction=0.1"):
        with_validation(source_of(train=part_of([("a", 0), ("b", 1)])), 0.1, seed=0)


def test_fingerprint_follows_from_content_and_not_from_order():
    parts = {"train": part_of(UNEVEN), "test": part_of([("x", 0), ("y", 1)])}
    fingerprint = source_of(**parts).spec().fingerprint
    assert len(fingerprint) == 64
    assert source_of(**(parts | {"test": part_of([("y", 1), ("x", 0)])})).spec().fingerprint == fingerprint
    assert source_of(**(parts | {"test": part_of([("x", 1), ("y", 1)])})).spec().fingerprint != fingerprint
    assert source_of(**(parts | {"test": part_of([("x", 0), ("z", 1)])})).spec().fingerprint != fingerprint
    assert source_of(train=parts["test"], test=parts["train"]).spec().fingerprint != fingerprint


def test_taking_twice_composes():
    part = part_of([(name, label) for label, name in enumerate("abcdefg")])
    twice = part.take(np.array([6, 4, 2, 0])).take(np.array([3, 1]))
    assert keys(twice) == ["a", "e"]
    assert twice.labels.tolist() == [0, 4]


def test_labels_and_images_must_be_as_many():
    with pytest.raises(ValueError, match="1 images but 7 labels"):
        Part(NamedReader(["a"]), np.arange(len(EXPRESSIONS)))
