"""recognize.py as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import PIL.Image
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from squares import picture

from mien.cli import literal
from mien.sweep import recognition_name

ROOT = Path(__file__).resolve().parents[2]


def begin(*arguments, folder):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    call = [sys.executable, str(ROOT / "recognize.py"), *arguments]
    pipe = subprocess.PIPE
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # background jobs of a shell inherit a deaf ear
    return subprocess.Popen(call, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=env, preexec_fn=hears)  # noqa: PLW1509 - no threads here


def command(*arguments, folder):
    process = begin(*arguments, folder=folder)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_nothing_said_is_told_at_once_and_leaves_nothing(tmp_path):
    code, _, err = command("every=0", folder=tmp_path)
    assert code == 2
    assert "3 problems in the configuration" in err
    assert "- model: it needs a value; expected a run folder or a bundle, such as model=outputs/default" in err
    assert "- source: it needs a value; expected a photo, a folder, a pattern" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_source_or_model_is_told_and_leaves_nothing(tmp_path, model):
    code, _, err = command(f"model={model}", "source=photo.jpg", folder=tmp_path)
    assert code == 2
    assert "source=photo.jpg: there is no such file or folder" in err
    PIL.Image.fromarray(picture()).save(tmp_path / "photo.jpg")
    code, _, err = command("model=outputs/default", "source=photo.jpg", folder=tmp_path)
    assert code == 2
    assert "model=outputs/default is not there" in err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


NAME = "it's us, (1) a=b ${c}.png"


def test_a_photo_of_any_name(tmp_path, model):
    PIL.Image.fromarray(picture()).save(tmp_path / NAME)
    code, out, err = command(f"model={model}", f"source={NAME}", "detector=whole_image", folder=tmp_path)
    assert code == 0, err
    (results,) = (tmp_path / "outputs" / "recognized").iterdir()
    assert pd.read_parquet(results / "faces.parquet")["source"].tolist() == [NAME]
    assert (results / "annotated" / NAME).is_file()
    assert f"outputs/recognized/{results.name}/faces.parquet" in out


def test_after_an_interruption_the_same_command_goes_on(tmp_path, model):
    album = tmp_path / "album"
    album.mkdir()
    count = 400  # more than are done before the signal arrives
    names = [f"{number:03}.png" for number in range(count)]
    for name in names:
        PIL.Image.fromarray(picture(size=(300, 200))).save(album / name)
    (album / "zz.jpg").write_bytes(b"")
    arguments = (f"model={model}", "source=album", "detector=whole_image", "batch_size=1", "output=my results")
    process = begin(*arguments, folder=tmp_path)
    results = tmp_path / "my results"
    done = results / "parts" / "done.jsonl"
    while process.poll() is None and not (done.is_file() and done.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the same command continues" in err
    before = len(done.read_text().splitlines())
    assert 1 <= before < count
    assert pd.read_parquet(results / "faces.parquet")["source"].tolist() in (names[:before], names[: before + 1])

    code, out, err = command(*arguments, "table=jsonl", folder=tmp_path)
    assert code == 3
    assert f"Recognized {count} files, {before} of them before" in out
    rows = (results / "faces.jsonl").read_text().splitlines()
    assert [json.loads(row)["source"] for row in rows] == names
    assert sorted(path.name for path in (results / "annotated").iterdir()) == names
    assert all("zz.jpg: empty file" in text for text in (out, err, (results / "log.txt").read_text()))


@pytest.mark.parametrize(
    "value",
    [
        *("a b.jpg", "a,b", "(x)[y]{z}=1", "it's", "a\\b\\", "\\'", 'say "x"', "0", "null", "~/x", "a\\'b", "*/?.png"),
        *("a${b}", "${a}", "${", "a\\${b}", "a\\\\${b}\\", "$a$${b:c}'", "$", "${a}\\'${b}", "{$}"),
    ],
)
def test_paths_are_taken_as_they_are_typed(value):
    (argument,) = literal([f"source={value}"], ["source"])
    parsed = OverridesParser.create().parse_override(argument).value()
    assert OmegaConf.create({"source": parsed}).source == value


def test_other_values_and_sweeps_are_left_alone():
    for arguments in (["every=[1,2]", "source=", "source='a b'", "--cfg"], ["-m", "source=a,b"]):
        assert literal(arguments, ["source"]) == arguments


def test_a_folder_is_named_by_what_changes_its_content():
    name = recognition_name(["source='a b.jpg'", "model=x/y", "table=csv", "show=true"])
    assert name.startswith("model-x_y__source-a_b.jpg-")
    assert recognition_name(["every=2", "hydra.verbose=true"]) == "every-2"
