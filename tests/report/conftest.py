from pathlib import Path

import pytest

from made_up_runs import make_run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A finished run of seven classes, one of them absent from the test split."""
    make_run(tmp_path / "run", absent=("disgust",))
    return tmp_path / "run"
