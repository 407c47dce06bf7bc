import subprocess
import sys
import textwrap

import numpy as np
import pytest

from mien.config.schema import DatasetConfig, DrawnConfig, OnBadImage
from mien.data.catalog import load_source
from mien.data.decode import decode, decode_parts, prepare
from mien.data.drawn_faces import DrawnReader
from mien.data.prepare import prepare_many
from mien.data.readers import FileReader
from mien.data.source import Part
from mien.data.workers import Worker
from mien.errors import DataError
from mien.types import InputSpec, SplitName

GRAY = InputSpec(8, 1, (0.5,), (0.5,))


@pytest.fixture
def part(save, tmp_path):
    """150 images: more than are decoded in one task."""
    paths = [f"{number}.png" for number in range(150)]
    for number, path in enumerate(paths):
        save(path, number)
    return Part(FileReader(tmp_path, paths), np.arange(150) % 7)


def damage(part, numbers):
    for number in numbers:
        path = part.reader.root / part.reader.paths[number]
        path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("spec", [GRAY, InputSpec(16)])
def test_all_images_in_order(workers, spec, part):
    images, same = decode(part, spec, OnBadImage.error, workers)
    assert same is part
    assert images.shape == (150, spec.channels, spec.size, spec.size)
    assert images.dtype == np.uint8
    for index in (0, 63, 64, 149):
        assert (images[index] == prepare(part.reader.read(index), spec.size, spec.channels)).all()


def test_a_size_of_its_own(part):
    images, _ = decode(part, GRAY, OnBadImage.error, 1, size=11)
    assert images.shape == (150, 1, 11, 11)


def test_all_bad_images_are_told(part):
    damage(part, [3, *range(100, 111)])
    with pytest.raises(DataError) as caught:
        decode(part, GRAY, OnBadImage.error, 0)
    message = str(caught.value)
    assert message.startswith("12 of 150 images cannot be read; mend or remove them")
    assert "dataset.on_bad_image=skip" in message
    for number in (3, *range(100, 111)):
        assert f"{part.reader.root / f'{number}.png'}: " in message


def test_bad_images_can_be_skipped(part, caplog):
    damage(part, [3, 149])
    images, left = decode(part, GRAY, OnBadImage.skip, 0)
    assert "2 of 150 images cannot be read and are skipped" in caplog.text
    assert "149.png" in caplog.text
    assert images.shape[0] == len(left) == 148
    assert left.labels.tolist() == np.delete(part.labels, [3, 149]).tolist()
    assert left.reader.key(3) == "4.png"
    assert (images[3] == prepare(left.reader.read(3), 8, 1)).all()


def test_nothing_left_is_an_error(part):
    damage(part, range(150))
    with pytest.raises(DataError, match=r"none of 150 images can be read, such as .*0\.png: "):
        decode(part, GRAY, OnBadImage.skip, 0)


def test_the_bad_images_of_all_parts_are_told_together(part):
    parts = {SplitName.TRAIN: part.take(np.arange(100)), SplitName.TEST: part.take(np.arange(100, 150))}
    damage(part, [7, 140])
    with pytest.raises(DataError, match=r"(?s)^2 of 150 images cannot be read.*/7\.png.*/140\.png"):
        decode_parts(parts, GRAY, OnBadImage.error, 0)
    decoded = decode_parts(parts, GRAY, OnBadImage.skip, 0, train_size=12)
    assert {split: images.shape for split, (images, _) in decoded.items()} == {
        SplitName.TRAIN: (99, 1, 12, 12),
        SplitName.TEST: (49, 1, 8, 8),
    }
    assert decoded[SplitName.TEST][1].reader.key(40) == "141.png"


@pytest.fixture
def drawn():
    return load_source(DatasetConfig(name="drawn_faces", drawn=DrawnConfig(train=130, size=16))).parts[SplitName.TRAIN]


def test_processes_draw_what_one_process_draws(drawn, monkeypatch):
    alone, _ = decode(drawn, InputSpec(16), OnBadImage.error, 1)
    monkeypatch.setattr(DrawnReader, "process_from", 0)
    together, _ = decode(drawn, InputSpec(16), OnBadImage.error, 2)
    assert (alone == together).all()


def test_processes_read_many_files(part, monkeypatch, caplog):
    monkeypatch.setattr(FileReader, "process_from", 100)
    damage(part, [70])
    images, left = decode(part, GRAY, OnBadImage.skip, 2)
    assert "70.png: " in caplog.text
    assert (images[148] == prepare(left.reader.read(148), 8, 1)).all()


def test_a_process_tells_bad_images_too(part):
    damage(part, [1])
    with Worker(part.reader, 8, 1) as worker:
        images, bad = worker.prepare(np.array([0, 1]))
    assert (images == prepare_many(part.reader, np.array([0, 1]), 8, 1)[0]).all()
    assert [index for index, _ in bad] == [1]


def test_a_process_that_dies_is_told(part, capfd):
    with Worker(part.reader, 8, 1) as worker, pytest.raises(RuntimeError, match="has died"):
        worker.prepare(np.array([150]))
    assert "IndexError" in capfd.readouterr().err


def test_a_script_without_main_guard_runs_once(tmp_path):
    script = """
        from mien.config.schema import DatasetConfig, DrawnConfig, OnBadImage
        from mien.data import catalog, decode, drawn_faces
        from mien.types import InputSpec, SplitName
        print("started")
        drawn_faces.DrawnReader.process_from = 0
        source = catalog.load_source(DatasetConfig(name="drawn_faces", drawn=DrawnConfig(train=70, size=16)))
        images, _ = decode.decode(source.parts[SplitName.TRAIN], InputSpec(16), OnBadImage.error, 2)
        print(images.shape)
    """
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(script))
    result = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["started", "(70, 3, 16, 16)"]


def test_processes_start_without_torch():
    code = "import sys, mien.data.workers, mien.data.drawn_faces, mien.data.decode; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
