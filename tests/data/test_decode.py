import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import psutil
import pytest

from mien.config.schema import DatasetConfig, DrawnConfig, OnBadImage
from mien.data.catalog import load_source
from mien.data.decode import Decoder, place
from mien.data.drawn_faces import DrawnReader
from mien.data.prepare import prepare, prepare_many
from mien.data.readers import FileReader
from mien.data.source import Part
from mien.data.workers import Worker
from mien.errors import CacheError, DataError
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
@pytest.mark.parametrize("cached", [False, True])
def test_all_images_in_order(workers, spec, part, cached, tmp_path):
    images = Decoder(spec, workers=workers, cache=str(tmp_path / "cache") if cached else "off").decode(part)
    assert images.part is part
    assert len(images) == 150
    assert images[:].shape == (150, spec.channels, spec.size, spec.size)
    assert images[:].dtype == np.uint8
    for index in (0, 63, 64, 149):
        assert (images[index] == prepare(part.reader.read(index), spec.size, spec.channels)).all()


def test_a_size_of_its_own(part):
    parts = Decoder(GRAY).decode_parts({SplitName.TRAIN: part, SplitName.TEST: part}, train_size=11)
    assert parts[SplitName.TRAIN][:].shape == (150, 1, 11, 11)
    assert parts[SplitName.TEST][:].shape == (150, 1, 8, 8)


def test_all_bad_images_are_told(part):
    damage(part, [3, *range(100, 111)])
    with pytest.raises(DataError) as caught:
        Decoder(GRAY).decode(part)
    message = str(caught.value)
    assert message.startswith("12 of 150 images cannot be read; mend or remove them")
    assert "dataset.on_bad_image=skip" in message
    for number in (3, *range(100, 111)):
        assert f"{part.reader.root / f'{number}.png'}: " in message


@pytest.mark.parametrize("cache", ["off", "auto"])
def test_bad_images_can_be_skipped(cache, part, caplog):
    damage(part, [3, 149])
    images = Decoder(GRAY, OnBadImage.skip, cache=cache).decode(part)
    left = images.part
    assert "2 of 150 images cannot be read and are skipped" in caplog.text
    assert "149.png" in caplog.text
    assert len(images) == len(left) == len(images[:]) == 148
    assert left.labels.tolist() == np.delete(part.labels, [3, 149]).tolist()
    assert left.reader.key(3) == "4.png"
    assert (images[3] == prepare(left.reader.read(3), 8, 1)).all()


def test_nothing_left_is_an_error(part):
    damage(part, range(150))
    with pytest.raises(DataError, match=r"none of 150 images can be read, such as .*0\.png: "):
        Decoder(GRAY, OnBadImage.skip).decode(part)


def test_the_bad_images_of_all_parts_are_told_together(part):
    parts = {SplitName.TRAIN: part.take(np.arange(100)), SplitName.TEST: part.take(np.arange(100, 150))}
    damage(part, [7, 140])
    with pytest.raises(DataError, match=r"(?s)^2 of 150 images cannot be read.*/7\.png.*/140\.png"):
        Decoder(GRAY).decode_parts(parts)
    decoded = Decoder(GRAY, OnBadImage.skip).decode_parts(parts, train_size=12)
    assert {split: images[:].shape for split, images in decoded.items()} == {
        SplitName.TRAIN: (99, 1, 12, 12),
        SplitName.TEST: (49, 1, 8, 8),
    }
    assert decoded[SplitName.TEST].part.reader.key(40) == "141.png"


@pytest.fixture
def drawn():
    return load_source(DatasetConfig(name="drawn_faces", drawn=DrawnConfig(train=130, size=16))).parts[SplitName.TRAIN]


def test_processes_draw_what_one_process_draws(drawn, monkeypatch):
    alone = Decoder(InputSpec(16), workers=1).decode(drawn)
    monkeypatch.setattr(DrawnReader, "process_from", 0)
    together = Decoder(InputSpec(16), workers=2).decode(drawn)
    assert (alone[:] == together[:]).all()


def test_processes_read_many_files(part, monkeypatch, caplog):
    monkeypatch.setattr(FileReader, "process_from", 100)
    damage(part, [70])
    images = Decoder(GRAY, OnBadImage.skip, workers=2).decode(part)
    assert "70.png: " in caplog.text
    assert (images[148] == prepare(images.part.reader.read(148), 8, 1)).all()


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
        from mien.config.schema import DatasetConfig, DrawnConfig
        from mien.data import catalog, decode, drawn_faces
        from mien.types import InputSpec, SplitName
        print("started")
        drawn_faces.DrawnReader.process_from = 0
        source = catalog.load_source(DatasetConfig(name="drawn_faces", drawn=DrawnConfig(train=70, size=16)))
        images = decode.Decoder(InputSpec(16), workers=2).decode(source.parts[SplitName.TRAIN])
        print(images[:].shape)
    """
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(script))
    result = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["started", "(70, 3, 16, 16)"]


def test_processes_start_without_torch():
    code = "import sys, mien.data.workers, mien.data.drawn_faces, mien.data.decode; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.fixture
def cache(tmp_path):
    return str(tmp_path / "cache")


def test_a_second_run_reads_no_image(part, cache, monkeypatch):
    first = Decoder(GRAY, cache=cache).decode(part)
    monkeypatch.setattr(FileReader, "read", None)
    second = Decoder(GRAY, cache=cache).decode(part)
    assert (first[:] == second[:]).all()


def test_all_cuts_of_a_reader_share_one_array(part, cache):
    rows = np.array([149, 3, 70])
    cut = {SplitName.TRAIN: part.take(rows), SplitName.VALIDATION: part.take(np.array([5]))}
    images = Decoder(GRAY, cache=cache).decode_parts(cut)
    whole = Decoder(GRAY, cache=cache).decode(part)
    assert (images[SplitName.TRAIN][:] == whole[rows]).all()
    assert (images[SplitName.VALIDATION][0] == whole[5]).all()
    assert len(list(Path(cache).glob("*.npy"))) == 1


@pytest.mark.parametrize("spec", [InputSpec(8), InputSpec(9, 1, (0.5,), (0.5,))])
def test_another_input_is_another_array(spec, part, cache):
    Decoder(GRAY, cache=cache).decode(part)
    Decoder(spec, cache=cache).decode(part)
    assert len(list(Path(cache).glob("*.npy"))) == 2


def test_a_changed_file_is_decoded_again_though_name_and_size_stay(part, cache, save):
    Decoder(GRAY, cache=cache).decode(part)
    file = part.reader.root / "3.png"
    times = file.stat()
    other = (part.reader.root / "4.png").read_bytes()
    file.write_bytes(other)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    again = Decoder(GRAY, cache=cache).decode(part)
    assert (again[3] == again[4]).all()


def test_a_file_that_changes_while_it_is_read_is_told(part, cache, monkeypatch):
    read = FileReader.read

    def read_and_change(reader, index):
        if index == 149:
            (reader.root / "0.png").touch()
        return read(reader, index)

    monkeypatch.setattr(FileReader, "read", read_and_change)
    with pytest.raises(DataError, match="were changed while they were read; run the command again"):
        Decoder(GRAY, workers=1, cache=cache).decode(part)
    assert not list(Path(cache).glob("*.npy"))


def test_bad_images_are_tried_again(part, cache, monkeypatch):
    read = FileReader.read

    def refused(reader, index):
        if index == 3:
            raise DataError("3.png: permission denied")
        return read(reader, index)

    monkeypatch.setattr(FileReader, "read", refused)
    with pytest.raises(DataError, match="1 of 150 images cannot be read"):
        Decoder(GRAY, cache=cache).decode(part)
    assert len(Decoder(GRAY, OnBadImage.skip, cache=cache).decode(part)) == 149
    monkeypatch.setattr(FileReader, "read", read)
    assert len(Decoder(GRAY, cache=cache).decode(part)) == 150


def test_an_automatic_cache_that_cannot_be_used_is_gone_without(part, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file"))
    assert len(Decoder(GRAY, cache="auto").decode(part)) == 150
    assert "going on without a cache" in caplog.text
    with pytest.raises(CacheError, match="cannot write to the cache"):
        Decoder(GRAY, cache=str(tmp_path / "file")).decode(part)


def test_more_images_than_memory_are_refused_without_a_cache(part, monkeypatch):
    free = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr("mien.data.decode.psutil.virtual_memory", lambda: free)
    with pytest.raises(DataError, match=r"take 9.6 kB, and 1.0 kB of memory are free; dataset.cache=<folder"):
        Decoder(GRAY).decode(part)


def test_the_renderers_code_is_part_of_the_key(drawn, cache, monkeypatch):
    Decoder(InputSpec(16), cache=cache).decode(drawn)
    monkeypatch.setattr("mien.data.drawn_faces._renderer", lambda: "another")
    Decoder(InputSpec(16), cache=cache).decode(drawn)
    assert len(list(Path(cache).glob("*.npy"))) == 2


def test_images_are_named_by_a_folder_that_holds_them_all(tmp_path):
    root = tmp_path / "faces"
    assert place(FileReader(root, ["sad/1.png", "joy/1.png"])) == "faces"
    assert place(FileReader(root, ["train/sad/1.png", "train/joy/1.png"])) == "faces/train"
    assert place(FileReader(root, ["1.png"])) == "faces"
