"""The store of costly arrays: built once, checked on opening, never wrong."""

import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from shutil import disk_usage

import numpy as np
import pytest

from mien.cache.__main__ import main
from mien.cache.listing import clear, entries
from mien.cache.store import ArrayStore, Recipe, automatic_folder, key_of, open_store
from mien.errors import CacheError, DataError
from mien.files import read_json, write_json

EXPECTED = np.arange(60, dtype=np.int16).reshape(20, 3)


class Maker:
    """A recipe that counts how often it is made."""

    def __init__(self, key="a"):
        self.made = 0
        self.recipe = Recipe(key_of([key]), "twenty rows", (20, 3), np.int16, self.blocks)

    def blocks(self, extra):
        self.made += 1
        yield EXPECTED[:7]
        yield EXPECTED[7:]
        extra["note"] = [1, 2]


@pytest.fixture
def store(tmp_path):
    return ArrayStore(tmp_path / "cache")


@pytest.fixture
def maker():
    return Maker()


def test_made_once_and_mapped(store, maker):
    for _ in range(3):
        entry = store.get(maker.recipe)
        assert (entry.array == EXPECTED).all()
        assert entry.extra == {"note": [1, 2]}
    assert maker.made == 1
    assert isinstance(entry.array, np.memmap)


def test_it_cannot_be_written_to(store, maker):
    with pytest.raises(ValueError, match="read-only"):
        store.get(maker.recipe).array[:] = -1


def test_numpy_can_read_it(store, maker):
    store.get(maker.recipe)
    assert (np.load(store.folder / f"{maker.recipe.key}.npy") == EXPECTED).all()


def test_what_is_not_accepted_is_made_again(store, maker):
    store.get(maker.recipe)
    seen = []
    store.get(replace(maker.recipe, accept=seen.append))
    assert maker.made == 2
    assert seen == [{"note": [1, 2]}] * 2


def test_another_key_is_another_array(store, maker):
    store.get(maker.recipe)
    store.get(Maker("b").recipe)
    assert len(entries(store.folder)) == 2


def damage_bit(array, facts):
    content = bytearray(array.read_bytes())
    content[-5] ^= 1
    array.write_bytes(content)


def damage_length(array, facts):
    array.write_bytes(array.read_bytes()[:-1])


def damage_empty(array, facts):
    array.write_bytes(b"")


def damage_gone(array, facts):
    array.unlink()


def damage_facts(array, facts):
    facts.write_text(facts.read_text()[:30])


def damage_schema(array, facts):
    write_json(facts, read_json(facts) | {"schema": 99})


def damage_blocks(array, facts):
    write_json(facts, read_json(facts) | {"blocks": [[7, 0]]})


def damage_extra(array, facts):
    write_json(facts, read_json(facts) | {"extra": {"note": []}})


def damage_header(array, facts):
    content = bytearray(array.read_bytes())
    content[60] ^= 64
    array.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        damage_bit,
        damage_length,
        damage_empty,
        damage_gone,
        damage_facts,
        damage_schema,
        damage_blocks,
        damage_extra,
        damage_header,
    ],
)
def test_a_damaged_array_is_made_again(damage, store, maker, caplog):
    store.get(maker.recipe)
    damage(store.folder / f"{maker.recipe.key}.npy", store.folder / f"{maker.recipe.key}.json")
    assert (store.get(maker.recipe).array == EXPECTED).all()
    assert maker.made == 2
    assert "the cached twenty rows are damaged" in caplog.text


def test_another_shape_under_the_same_key_is_made_again(store, maker):
    store.get(maker.recipe)
    other = replace(maker.recipe, shape=(3, 20), blocks=lambda _: iter([EXPECTED.reshape(3, 20)]))
    assert store.get(other).array.shape == (3, 20)


def test_too_few_rows_are_not_taken(store, maker):
    with pytest.raises(CacheError, match="cannot be read back as it was written"):
        store.get(replace(maker.recipe, blocks=lambda _: iter([EXPECTED[:7]])))


def test_an_error_while_making_leaves_nothing(store, maker):
    def blocks(extra):
        yield EXPECTED[:7]
        raise DataError("changed")

    with pytest.raises(DataError, match="changed"):
        store.get(replace(maker.recipe, blocks=blocks))
    assert [path.suffix for path in store.folder.iterdir()] == [".lock"]
    assert (store.get(maker.recipe).array == EXPECTED).all()


def test_too_little_space_is_told_before_work(store, maker, monkeypatch):
    usage = disk_usage("/")._replace(free=50)
    monkeypatch.setattr("mien.cache.store.shutil.disk_usage", lambda _: usage)
    with pytest.raises(CacheError, match=r"rows take 120 bytes, and 50 bytes are free; make room .*, or fewer"):
        store.get(replace(maker.recipe, advice="fewer views"))
    assert maker.made == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of the file size to stand for a full disk")
@pytest.mark.parametrize("limit", [80, 200, 260])
def test_a_disk_that_fills_up_is_told(limit, tmp_path, maker):
    """While the header, the rows or the facts are written; a limit of the file size stands for the full disk."""
    script = """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from mien.cache.store import ArrayStore, Recipe
        from mien.errors import CacheError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        recipe = Recipe("a" * 32, "rows" * 99, (20, 3), np.int16, lambda _: iter([np.zeros((20, 3), np.int16)]))
        try:
            ArrayStore(Path(sys.argv[1])).get(recipe)
        except CacheError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "cache"), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot write to the cache" in result.stdout
    assert "File too large; check space and write right there" in result.stdout
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix in (".building", ".json")]


def test_an_error_of_the_maker_is_not_the_caches(store, maker):
    def blocks(extra):
        raise OSError("a camera is unplugged")
        yield

    with pytest.raises(OSError, match="a camera is unplugged"):
        store.get(replace(maker.recipe, blocks=blocks))


def test_what_a_killed_job_left_does_not_count_as_used(store, maker, monkeypatch):
    store.folder.mkdir()
    left = store.folder / f"{maker.recipe.key}.building"
    left.write_bytes(b"left")
    usage = disk_usage("/")
    free = lambda _: usage._replace(free=0 if left.exists() else 10**9)  # noqa: E731
    monkeypatch.setattr("mien.cache.store.shutil.disk_usage", free)
    assert (store.get(maker.recipe).array == EXPECTED).all()


def test_a_file_in_the_place_of_the_folder(tmp_path, maker):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match=r"cannot write to the cache .*file"):
        ArrayStore(tmp_path / "file").get(maker.recipe)


def test_concurrent_jobs_make_it_once(tmp_path):
    script = """
        import sys, time
        from pathlib import Path
        import numpy as np
        from mien.cache.store import ArrayStore, Recipe
        folder, made = Path(sys.argv[1]), Path(sys.argv[2])
        def blocks(extra):
            (made / str(time.time_ns())).touch()
            for row in range(20):
                time.sleep(0.02)
                yield np.full((1, 3), row, np.int16)
        array = ArrayStore(folder).get(Recipe("a" * 32, "rows", (20, 3), np.int16, blocks)).array
        print(int(array.sum()))
    """
    file = tmp_path / "job.py"
    file.write_text(textwrap.dedent(script))
    (tmp_path / "made").mkdir()
    command = [sys.executable, str(file), str(tmp_path / "cache"), str(tmp_path / "made")]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [job.communicate()[0].strip() for job in jobs] == ["570"] * 3
    assert len(list((tmp_path / "made").iterdir())) == 1


def test_a_job_killed_while_making_blocks_nobody(tmp_path, maker):
    script = """
        import os, sys, signal
        from pathlib import Path
        import numpy as np
        from mien.cache.store import ArrayStore, Recipe
        def blocks(extra):
            yield np.zeros((7, 3), np.int16)
            os.kill(os.getpid(), signal.SIGKILL)
        ArrayStore(Path(sys.argv[1])).get(Recipe(sys.argv[2], "rows", (20, 3), np.int16, blocks))
    """
    folder = tmp_path / "cache"
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(folder), maker.recipe.key], check=False)
    assert [entry.about for entry in entries(folder)] == ["unfinished or damaged"]
    assert (ArrayStore(folder).get(maker.recipe).array == EXPECTED).all()
    assert [entry.about for entry in entries(folder)] == ["twenty rows"]


def test_the_automatic_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    assert automatic_folder() == open_store("auto").folder == tmp_path
    monkeypatch.delenv("MIEN_CACHE")
    assert automatic_folder().name == "mien"
    assert open_store("~/elsewhere").folder.is_absolute()


def test_listing_and_clearing(store, maker, capsys):
    store.get(maker.recipe)
    store.get(Maker("b").recipe)
    (store.folder / "notes.json").write_text("{}")
    main(["list", "--folder", str(store.folder)])
    assert "2 arrays" in capsys.readouterr().out
    main(["clear", "--folder", str(store.folder), "--unused", "1"])
    assert "removed 0 arrays" in capsys.readouterr().out
    main(["clear", "--folder", str(store.folder)])
    assert "removed 2 arrays" in capsys.readouterr().out
    assert entries(store.folder) == []
    assert (store.folder / "notes.json").exists()


def test_a_folder_whose_name_looks_like_markup_is_shown_as_it_is(tmp_path, maker, capsys):
    ArrayStore(tmp_path / "[red]").get(replace(maker.recipe, about="images of [bold]faces :smile:"))
    main(["list", "--folder", str(tmp_path / "[red]")])
    main(["clear", "--folder", str(tmp_path / "[red]")])
    told = "".join(capsys.readouterr().out.split())
    assert "[bold]faces:smile:" in told
    assert told.count("[red]") == 2


def test_an_array_being_made_is_not_cleared(store, maker):
    removed = []

    def blocks(extra):
        removed.extend(clear(store.folder))
        yield EXPECTED

    assert (store.get(replace(maker.recipe, blocks=blocks)).array == EXPECTED).all()
    assert removed == []


def test_opening_counts_as_use(store, maker):
    store.get(maker.recipe)
    (facts,) = store.folder.glob("*.json")
    before = facts.stat().st_mtime_ns
    time.sleep(0.01)
    store.get(maker.recipe)
    assert facts.stat().st_mtime_ns > before
