from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from compared_runs import LABELS, Files, predictions, write_run
from mien.comparison.predictions import read_predictions, same_images
from mien.errors import ComparisonError


def read(folder):
    return read_predictions(folder / "predictions.parquet", folder.name)


def test_predictions_are_read_back(tmp_path):
    found = read(write_run(tmp_path / "a", [3], files=Files(leaked=(5,))))
    assert found.labels.tolist() == LABELS.tolist()
    assert np.flatnonzero(found.p.argmax(1) != found.labels).tolist() == [3]
    assert np.flatnonzero(found.leaked).tolist() == [5]
    old = read(write_run(tmp_path / "b", [3], files=Files(leaked=None, digests=False)))
    assert (old.leaked, old.digests) == (None, None)


def test_what_is_missing_or_damaged_is_named(tmp_path):
    folder = write_run(tmp_path / "a", [])
    path = folder / "predictions.parquet"
    pd.DataFrame({"key": ["x"], "label": ["joy"], "predicted": ["joy"]}).to_parquet(path)
    with pytest.raises(ComparisonError, match=r"predictions.parquet: expected the columns .* got \['key'"):
        read(folder)
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ComparisonError, match="damaged"):
        read(folder)
    path.unlink()
    with pytest.raises(ComparisonError, match=r"no such file; a lacks its predictions"):
        read(folder)


@pytest.mark.parametrize("digests", [True, False])
def test_the_order_of_files_does_not_matter(tmp_path, digests):
    files = Files(digests=digests)
    a = read(write_run(tmp_path / "a", [3, 4], files=files))
    b = read(write_run(tmp_path / "b", [3], files=files, keep=reversed(range(70))))
    same = same_images([a, b])
    assert (same.n, same.left_out, same.by_name) == (70, (0, 0), not digests)
    assert np.flatnonzero(same.predicted[0] != same.labels).tolist() == [3, 4]
    assert np.flatnonzero(same.predicted[1] != same.labels).tolist() == [3]


def test_digests_find_images_under_other_names(tmp_path):
    a = read(write_run(tmp_path / "a", [3]))
    b = read(write_run(tmp_path / "b", [4], files=Files(names="part/")))
    assert same_images([a, b]).keys[0] == "000.png"
    old = read(write_run(tmp_path / "c", [4], files=Files(names="part/", digests=False)))
    with pytest.raises(ComparisonError, match=r"a: 70; c: 70; 0 are common to all \(matched by name, since c has no"):
        same_images([a, old], intersection=True)


def test_other_images_are_refused_unless_the_common_ones_are_asked_for(tmp_path):
    a = read(write_run(tmp_path / "a", [3, 60], keep=range(65)))
    b = read(write_run(tmp_path / "b", [60], keep=range(10, 70)))
    with pytest.raises(ComparisonError, match=r"a: 65; b: 60; 55 are common to all; pass intersection=true"):
        same_images([a, b])
    same = same_images([a, b], intersection=True)
    assert (same.n, same.left_out) == (55, (10, 5))
    assert same.keys[0] == "010.png"
    assert [np.flatnonzero(row != same.labels).tolist() for row in same.predicted] == [[50], [50]]


def test_other_labels_are_refused(tmp_path):
    labels = LABELS.copy()
    labels[5] = 0
    runs = [read(write_run(tmp_path / "a", [])), read(write_run(tmp_path / "b", [], labels=labels))]
    with pytest.raises(ComparisonError, match=r"1 of 70 images have other labels in b than in a \(005.png: sadness"):
        same_images(runs)


def test_other_classes_are_refused_but_their_order_does_not_matter(tmp_path):
    a = read(write_run(tmp_path / "a", [3]))
    turned = replace(a, classes=a.classes[::-1], labels=6 - a.labels, p=a.p[:, ::-1])
    same = same_images([a, turned])
    assert (same.p[0] == same.p[1]).all()
    with pytest.raises(ComparisonError, match=r"the classes differ: a has anger, .*; a has anger, calm"):
        same_images([a, replace(a, classes=("anger", "calm", *a.classes[2:]))])


def test_copies_in_a_test_set_are_matched_one_by_one(tmp_path):
    """Two byte-identical images of different labels: each is compared with its own."""
    a = read(write_run(tmp_path / "a", [8]))
    digests = a.digests.to_numpy(str).copy()
    digests[8] = digests[1] = "twin"
    twins = replace(a, digests=pd.Index(digests))
    other = twins.digests[::-1], twins.labels[::-1], twins.p[::-1], twins.keys[::-1]
    turned = replace(twins, digests=other[0], labels=other[1], p=other[2], keys=other[3], leaked=twins.leaked[::-1])
    assert (same_images([twins, turned]).predicted[0] == same_images([twins, turned]).predicted[1]).all()


def test_an_image_is_leaked_where_it_is_in_any_train_part(tmp_path):
    a = read(write_run(tmp_path / "a", [], files=Files(leaked=(1, 2))))
    b = read(write_run(tmp_path / "b", [], files=Files(leaked=(2, 3))))
    assert np.flatnonzero(same_images([a, b]).leaked).tolist() == [1, 2, 3]
    assert same_images([a, replace(b, leaked=None)]).leaked is None


def test_predictions_made_by_hand_are_as_sure_as_said():
    frame = predictions([0], sure=0.7)
    assert frame.loc[0, ["label", "predicted"]].tolist() == ["anger", "disgust"]
    assert frame["p_disgust"][0] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame[:0], "it has no rows"),
        (lambda frame: frame.assign(p_anger=np.nan), "some probabilities are no finite numbers"),
        (lambda frame: frame.assign(label=None), "label is None in 70 rows"),
        (lambda frame: frame.assign(predicted="anger"), "in 60 of 70 rows the class predicted is not the likeliest"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path, change, words):
    path = write_run(tmp_path / "a", []) / "predictions.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    with pytest.raises(ComparisonError, match=f"a/predictions.parquet: .* damaged file: {words}"):
        read(path.parent)


def test_a_copy_of_another_label_is_left_out_and_not_taken_for_a_relabelling(tmp_path):
    """The first run's images 1 and 8 are twins of labels disgust and contempt; the second has but the latter."""
    a = read(write_run(tmp_path / "a", []))
    b = read(write_run(tmp_path / "b", [], keep=[n for n in range(70) if n != 1]))
    digests = a.digests.to_numpy(str).copy()
    digests[8] = digests[1] = "twin"
    labels = a.labels.copy()
    labels[8] = 2
    others = np.delete(digests, 1), np.delete(labels, 1)
    first = replace(a, digests=pd.Index(digests), labels=labels)
    second = replace(b, digests=pd.Index(others[0]), labels=others[1])
    same = same_images([first, second], intersection=True)
    assert (same.n, same.left_out) == (69, (1, 0))
