import numpy as np
import pytest

from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.errors import DataError
from mien.labels import EXPRESSIONS, FER2013_CODES
from mien.types import SplitName

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (21, 2304), np.uint8)
USAGES = ["Training"] * 7 + ["PublicTest"] * 7 + ["PrivateTest"] * 7


def rows():
    """Seven rows a usage, one an emotion."""
    return [[str(i % 7), " ".join(map(str, IMAGES[i])), USAGES[i]] for i in range(21)]


def write(path, lines, header="emotion,pixels,Usage"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(line) for line in lines)]) + "\n")
    return path


def load(root):
    return load_source(DatasetConfig(name="fer2013", root=str(root)))


@pytest.mark.parametrize(
    ("file", "header", "root"),
    [
        ("fer2013.csv", "emotion,pixels,Usage", "."),
        ("icml_face_data.csv", "emotion, pixels, Usage", "."),
        ("fer2013/fer2013.csv", "emotion,pixels,Usage", "."),
        ("another_name.csv", "emotion,pixels,Usage", "another_name.csv"),
    ],
)
def test_the_csv_is_found_and_its_usage_pins_the_splits(file, header, root, tmp_path):
    write(tmp_path / file, rows(), header)
    source = load(tmp_path / root)
    assert list(source.parts) == [SplitName.TRAIN, SplitName.VALIDATION, SplitName.TEST]
    for number, split in enumerate(SplitName):  # Training, PublicTest, PrivateTest
        part = source.parts[split]
        assert [source.labels.names[label] for label in part.labels] == list(FER2013_CODES)
        expected = IMAGES[7 * number : 7 * number + 7].reshape(-1, 48, 48)
        assert all((part.reader.read(i) == expected[i][:, :, None]).all() for i in range(7))
        assert part.reader.key(0) == f"{file.split('/')[-1]}:{7 * number + 1}"


def test_more_rows_than_are_read_at_a_time(tmp_path):
    lines = rows()
    write(tmp_path / "fer2013.csv", [lines[i % 21] for i in range(4200)])
    parts = load(tmp_path).parts
    assert [len(part) for part in parts.values()] == [1400, 1400, 1400]
    assert parts[SplitName.TEST].reader.key(1399) == "fer2013.csv:4200"
    assert (parts[SplitName.TEST].reader.read(1399)[:, :, 0].ravel() == IMAGES[20]).all()


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        (1, "1 2 3", "row 3: 3 pixels, expected 2304 (48x48)"),
        (1, "", "row 3: 0 pixels, expected 2304 (48x48)"),
        (1, "0 " * 2303 + "256", "row 3: pixel value 256, expected 0..255"),
        (1, "-1" + " 0" * 2303, "row 3: pixel value -1, expected 0..255"),
        (1, "1.5" + " 0" * 2303, "row 3: pixels are not all integers"),
        (1, "x" + " 0" * 2303, "row 3: pixels are not all integers"),
        (1, "99999999999" + " 0" * 2303, "row 3: pixel value "),
        (0, "7", "row 3: unknown emotion '7', expected one of 0, 1, 2, 3, 4, 5, 6"),
        (0, "", "row 3: unknown emotion ''"),
        (2, "Private", "row 3: unknown Usage 'Private', expected one of Training, PublicTest, PrivateTest"),
    ],
)
def test_a_wrong_row_is_told_with_its_number(column, value, problem, tmp_path):
    lines = rows()
    lines[2][column] = value
    write(tmp_path / "fer2013.csv", lines)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert "fer2013.csv: 1 of 21 rows are wrong (row 1 is the first below the header)" in str(caught.value)
    assert problem in str(caught.value)


def test_ten_wrong_rows_are_shown_in_order_and_all_are_counted(tmp_path):
    lines = rows()
    for number, line in enumerate(lines):
        line[number % 3] = "9"
    write(tmp_path / "fer2013.csv", lines)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert "21 of 21 rows are wrong" in message
    assert message.index("row 1:") < message.index("row 2:") < message.index("row 10:")
    assert "row 11:" not in message
    assert "... and 11 more (21 in all)" in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("emotion,pixels\n0,1\n", "has no column Usage; its columns are emotion, pixels"),
        ("emotion,pixels,Usage\n", "has no rows"),
        ("", "is no CSV file: No columns to parse from file"),
        ('emotion,pixels,Usage\n1,"2', "is no CSV file"),
        (b"\xff\xd8\xff\xe0 not text \x80", "is no CSV file"),
        ("emotion,pixels,Usage\n0,1 2,Training,\n", "its rows have more cells than its first line"),
        (
            "0," + "7 " * 2304 + ",Test\n1,2,Test\n",
            f"has no column emotion, pixels, Usage; its columns are 0, {19 * '7 '}7…, Test",
        ),
    ],
)
def test_a_file_of_another_kind_is_told(text, problem, tmp_path):
    file = tmp_path / "fer2013.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match="where to get it: Kaggle, msambare/fer2013") as caught:
        load(tmp_path)
    assert problem in str(caught.value)


@pytest.mark.parametrize("name", ["archive.zip", "fer2013.csv.gz", "fer2013.csv.xz", "fer2013.tar"])
def test_an_archive_that_cannot_be_read_is_told(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x1f\x8b\x08 no archive")
    with pytest.raises(DataError, match=f"{name} is no CSV file: "):
        load(tmp_path / name)


def test_a_wrong_cell_is_cut_short(tmp_path):
    write(tmp_path / "fer2013.csv", [[pixels, label, usage] for label, pixels, usage in rows()])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert max(map(len, str(caught.value).splitlines())) < 200


def official(save, folder, usage, count):
    for label, name in enumerate(FER2013_CODES):
        for number in range(count):
            save(f"{folder}/{name}/{usage}_{number}.png", 100 * label + number, 48, 48)


def test_three_folders(save, tmp_path):
    for folder, usage, count in (("train", "Training", 1), ("validation", "PublicTest", 2), ("test", "PrivateTest", 3)):
        official(save, folder, usage, count)
    assert load(tmp_path).spec().counts == dict(zip(SplitName, ((1,) * 7, (2,) * 7, (3,) * 7), strict=True))


def test_the_two_folders_of_kaggle_are_split_by_file_name(save, tmp_path):
    for folder, usage, count in (("train", "Training", 1), ("test", "PublicTest", 2), ("test", "PrivateTest", 3)):
        official(save, folder, usage, count)
    source = load(tmp_path)
    assert source.spec().counts == dict(zip(SplitName, ((1,) * 7, (2,) * 7, (3,) * 7), strict=True))
    assert "PublicTest_" in source.parts[SplitName.VALIDATION].reader.key(0)
    assert "PrivateTest_" in source.parts[SplitName.TEST].reader.key(0)


def test_swapped_folders_do_not_swap_the_official_parts(save, tmp_path):
    for folder, usage, count in (("train", "Training", 1), ("test", "PublicTest", 2), ("validation", "PrivateTest", 3)):
        official(save, folder, usage, count)
    assert load(tmp_path).spec().counts == dict(zip(SplitName, ((1,) * 7, (2,) * 7, (3,) * 7), strict=True))


def test_other_file_names_leave_the_folder_to_decide(save, tmp_path):
    for folder, usage in (("train", "im"), ("test", "im")):
        official(save, folder, usage, 2)
    assert load(tmp_path).spec().counts == {SplitName.TRAIN: (2,) * 7, SplitName.TEST: (2,) * 7}


def test_a_folder_of_something_else_is_told(save, tmp_path):
    save("cats/1.png", 1)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert "train has an unknown class: cats" in str(caught.value)
    assert f"found in {tmp_path}: cats/" in str(caught.value)
    assert all(f"train has no folder for {name}" in str(caught.value) for name in EXPRESSIONS)
