"""The sources on the real data sets; set MIEN_DATA to the folder that holds them.

FER2013 comes as JPEG files there. A CSV written from them has the official splits and labels, but its pixels are those
of the JPEG files, a little off the original release's.
"""

import os
from pathlib import Path

import PIL.Image
import pytest

from mien.config.schema import DatasetConfig, MixedPartConfig
from mien.data.catalog import load_source
from mien.data.decode import Decoder
from mien.data.split import with_validation
from mien.labels import EXPRESSIONS, FER2013_CODES
from mien.types import InputSpec, SplitName

ROOT = Path(os.environ.get("MIEN_DATA", ""))

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "MIEN_DATA" not in os.environ, reason="MIEN_DATA is not set to the folder of the real data sets"
    ),
]

NUMBERS = [str(value) for value in range(256)]

FER2013 = {  # in the order of FER2013_CODES: anger, disgust, fear, happiness, sadness, surprise, neutral
    SplitName.TRAIN: (3995, 436, 4097, 7215, 4830, 3171, 4965),
    SplitName.VALIDATION: (467, 56, 496, 895, 653, 415, 607),
    SplitName.TEST: (491, 55, 528, 879, 594, 416, 626),
}


def load(name, root=None, version=None):
    return load_source(DatasetConfig(name=name, root=str(root or ROOT / name), version=version))


def in_csv_order(counts):
    return tuple(counts[EXPRESSIONS.index(name)] for name in FER2013_CODES)


def test_micro_expressions_as_published():
    spec = load("micro_expressions").spec()
    assert spec.counts == {
        SplitName.TRAIN: (1320, 592, 444, 1740, 564, 1322, 956),
        SplitName.TEST: (330, 140, 110, 430, 140, 320, 230),
    }
    assert (spec.size(SplitName.TRAIN), spec.size(SplitName.TEST), spec.size(SplitName.VALIDATION)) == (6938, 1700, 0)


def test_micro_expressions_whole():
    spec = load("micro_expressions", version="v2").spec()
    assert (spec.size(SplitName.TRAIN), spec.size(SplitName.TEST)) == (7600, 1860)


def test_validation_of_micro_expressions():
    source = with_validation(load("micro_expressions"), 0.1, seed=0)
    assert source.spec().counts[SplitName.VALIDATION] == (132, 59, 44, 174, 56, 132, 96)
    train, validation = (
        {part.reader.digest(index) for index in range(len(part))}
        for part in (source.parts[SplitName.TRAIN], source.parts[SplitName.VALIDATION])
    )
    assert not train & validation
    images = Decoder(InputSpec(64)).decode(source.parts[SplitName.VALIDATION])[:]
    assert images.shape == (693, 3, 64, 64)


def test_fer2013_folders_have_the_official_split():
    counts = load("fer2013").spec().counts
    assert {split: in_csv_order(count) for split, count in counts.items()} == FER2013


def test_a_mix_of_both_leaves_out_what_leaks():
    """703 training images of FER2013 stand in its own two tests; 31 of micro_expressions in its test or validation."""
    members = {name: MixedPartConfig(name, str(ROOT / name)) for name in ("fer2013", "micro_expressions")}
    spec = load_source(DatasetConfig("mixed", mixed=members)).spec()
    assert spec.size(SplitName.TRAIN) == 28709 - 703 + 6938 - 693 - 31
    assert spec.size(SplitName.VALIDATION) == 3589 - 46 + 693 - 4
    assert spec.size(SplitName.TEST) == 3589 + 1700
    assert spec.labels == EXPRESSIONS


def test_fer2013_csv_equals_the_folders(tmp_path):
    folders = load("fer2013")
    lines = ["emotion,pixels,Usage"]
    for split, usage in zip(SplitName, ("Training", "PublicTest", "PrivateTest"), strict=True):
        part = folders.parts[split]
        for index, label in enumerate(part.labels):
            with PIL.Image.open(part.reader.root / part.reader.key(index)) as picture:
                pixels = " ".join([NUMBERS[value] for value in picture.tobytes()])
            lines.append(f"{FER2013_CODES.index(EXPRESSIONS.names[label])},{pixels},{usage}")
    file = tmp_path / "fer2013.csv"
    file.write_text("\n".join(lines))
    table = load("fer2013", tmp_path)
    spec = InputSpec(48, 1, (0.5,), (0.5,))
    for split in SplitName:
        assert (table.parts[split].labels == folders.parts[split].labels).all()
        from_table = Decoder(spec).decode(table.parts[split])[:]
        from_files = Decoder(spec).decode(folders.parts[split])[:]
        assert (from_table == from_files).all()
