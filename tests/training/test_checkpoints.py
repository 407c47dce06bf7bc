"""How checkpoints are written."""

import errno
from pathlib import Path

import pytest
import torch

from mien.training.checkpoints import PlainFiles


def test_a_checkpoint_makes_its_folder_and_is_read_back(tmp_path):
    PlainFiles().save_checkpoint({"weight": torch.arange(3)}, tmp_path / "new" / "last.ckpt")
    assert torch.load(tmp_path / "new" / "last.ckpt", weights_only=True)["weight"].tolist() == [0, 1, 2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full, as Linux has")
def test_a_full_disk_is_said_to_be_one():
    with pytest.raises(OSError, match="No space left") as raised:
        PlainFiles().save_checkpoint({"weight": torch.zeros(1000)}, "/dev/full")
    assert raised.value.errno == errno.ENOSPC
