import pandas as pd
import pytest

from mien.config.schema import DatasetConfig, OnBadImage, TableConfig
from mien.data.catalog import load_source
from mien.errors import DataError
from mien.types import SplitName

BOX = ["left", "top", "right", "bottom"]


@pytest.fixture
def folder(save, tmp_path):
    """Four pictures of 12x10 pixels."""
    for number in range(4):
        save(f"images/{number}.png", number)
    return tmp_path


def frame_of(**columns):
    return pd.DataFrame({"path": [f"images/{number}.png" for number in range(4)], **columns})


def load(folder, frame, suffix="csv", on_bad_image=OnBadImage.error, **table):
    file = folder / f"labels.{suffix}"
    if suffix == "csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file)
    config = TableConfig(file=file.name, **table)
    return load_source(DatasetConfig(name="table", root=str(folder), table=config, on_bad_image=on_bad_image))


def message_of(*args, **kwargs):
    with pytest.raises(DataError) as caught:
        load(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_names_without_splits_are_train(suffix, folder):
    source = load(folder, frame_of(label=["sad", "Happy", "joy", "sadness"]), suffix)
    assert source.labels.names == ("happiness", "sadness")
    assert source.parts[SplitName.TRAIN].labels.tolist() == [1, 0, 0, 1]
    assert source.spec().counts == {SplitName.TRAIN: (2, 2)}
    assert source.parts[SplitName.TRAIN].reader.key(3) == "images/3.png"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", [int, float])
def test_integers_splits_boxes_and_other_column_names(suffix, kind, folder):
    frame = pd.DataFrame(
        {
            "image": [f"images/{number}.png" for number in (0, 0, 1, 2)],
            "emotion": [kind(code) for code in (0, 1, 1, 0)],
            "part": ["Train", "training", "val", "TEST"],
            "x0": [0, 4.4, 0, 0],
            "y0": [0, 5, 0, 0],
            "x1": [12, 8, 1, 2],
            "y1": [10, 9, 1, 2],
        }
    )
    box = ["x0", "y0", "x1", "y1"]
    names = {"path": "image", "label": "emotion", "split": "part", "box": box, "classes": ["surprise", "anger"]}
    source = load(folder, frame, suffix, **names)
    assert source.labels.names == ("anger", "surprise")
    assert source.spec().counts == {SplitName.TRAIN: (1, 1), SplitName.VALIDATION: (1, 0), SplitName.TEST: (0, 1)}
    train = source.parts[SplitName.TRAIN]
    assert train.labels.tolist() == [1, 0]
    assert [train.reader.read(i).shape for i in range(2)] == [(10, 12, 3), (4, 4, 3)]
    assert train.reader.key(1) == "images/0.png@4,5,8,9"


def test_all_wrong_rows_are_told_with_their_numbers(folder):
    frame = frame_of(
        label=["0", "1", "2", "x"], split=["train", "tset", "", "test"], left=[0, 5, 0, -1], top=0, right=[13, 5, 1, 1]
    ).assign(bottom=["10", "10", "ten", "10"])
    frame.loc[2, "path"] = "images/no.png"
    message = message_of(folder, frame, split="split", box=BOX, classes=["a", "b"])
    assert "labels.csv: 4 of 4 rows are wrong (row 1 is the first below the header)" in message
    assert "row 1: box (0, 0, 13, 10) reaches beyond its image of 12x10 pixels" in message
    assert "row 2: box (5, 0, 5, 10) is empty" in message
    assert "row 2: unknown split 'tset', expected train, validation or test" in message
    assert "row 3: label '2', expected an integer from 0 to 1" in message
    assert "row 3: no file 'images/no.png'" in message
    assert "row 3: unknown split ''" in message
    assert "row 3: box is not four numbers (left, top, right, bottom)" in message
    assert "row 4: label 'x', expected an integer from 0 to 1" in message
    assert "row 4: box (-1, 0, 1, 10) reaches beyond its image" in message


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_label_is_told(suffix, folder):
    assert "row 2: no label" in message_of(folder, frame_of(label=["a", None, "b", "a"]), suffix)


def test_skip_leaves_out_missing_files_and_boxes_that_do_not_fit(folder, caplog):
    frame = frame_of(label=["a", "b", "b", "a"], left=0, top=0, right=[12, 12, 99, 12], bottom=10)
    frame.loc[0, "path"] = "images/no.png"
    part = load(folder, frame, on_bad_image=OnBadImage.skip, box=BOX).parts[SplitName.TRAIN]
    assert [part.reader.key(i) for i in range(len(part))] == ["images/1.png@0,0,12,10", "images/3.png@0,0,12,10"]
    assert part.labels.tolist() == [1, 0]
    assert "2 rows are skipped" in caplog.text
    assert "row 1: no file 'images/no.png'" in caplog.text


def test_skip_does_not_bear_wrong_labels(folder):
    message = message_of(folder, frame_of(label=[0, 1, 2, 0]), on_bad_image=OnBadImage.skip, classes=["a", "b"])
    assert "row 3: label '2'" in message


def test_a_table_without_rows_is_told(folder):
    assert "labels.csv has no rows" in message_of(folder, pd.DataFrame({"path": [], "label": []}))
    frame = pd.DataFrame({"path": ["no.png"], "label": ["a"]})
    header = folder / "only_a_header.csv"
    header.write_text("path,label,split\n")
    table = TableConfig(file=header.name, split="split")
    with pytest.raises(DataError, match=r"only_a_header\.csv has no rows"):
        load_source(DatasetConfig(name="table", root=str(folder), table=table))
    assert "labels.csv has no rows left" in message_of(folder, frame, on_bad_image=OnBadImage.skip)


def test_columns_that_are_not_there_are_told(folder):
    message = message_of(folder, frame_of(labels=["a"] * 4), box=["x", "y", "w", "h"])
    assert "lacks columns: label (did you mean 'labels'?); x (known: labels, path)" in message
    assert "expected four columns" in message_of(folder, frame_of(label=["a"] * 4), box=["x"])


def test_a_number_may_stand_for_no_class(folder):
    classes = ["", "surprise", "fear"]
    source = load(folder, frame_of(label=[1, 2, 1, 2]), classes=classes)
    assert source.labels.names == ("fear", "surprise")
    assert source.parts[SplitName.TRAIN].labels.tolist() == [1, 0, 1, 0]
    assert "row 3: label '0', expected one of 1, 2" in message_of(folder, frame_of(label=[1, 2, 0, 2]), classes=classes)


def test_a_class_without_images_is_told(folder):
    message = message_of(folder, frame_of(label=[0, 1, 0, 1]), classes=["anger", "joy", "contempt"])
    assert "table: no image of contempt in train" in message


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        (None, b"", "dataset.table.file is not set"),
        ("no.csv", b"", "no.csv does not exist"),
        ("labels.csv", b"", "labels.csv cannot be read: No columns to parse"),
        ("labels.csv", b"\xff\xfe\x00", "labels.csv cannot be read"),
        ("labels.csv", b"path,label\na.png,fear,\n", "its rows have more cells than its first line"),
        ("labels.parquet", b"hello, world", "labels.parquet cannot be read"),
        ("labels.csv.zip", b"hello, world", "labels.csv.zip cannot be read"),
    ],
)
def test_a_table_that_cannot_be_read_is_told(file, content, problem, tmp_path):
    if content:
        (tmp_path / file).write_bytes(content)
    elif file == "labels.csv":
        (tmp_path / file).touch()
    with pytest.raises(DataError, match="where to get it: a table of your own") as caught:
        load_source(DatasetConfig(name="table", root=str(tmp_path), table=TableConfig(file=file)))
    assert problem in str(caught.value)
