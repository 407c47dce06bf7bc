"""The table of epochs: what is chosen, and what is read back."""

import math

import pytest

from mien.config.schema import ProtocolConfig
from mien.errors import MienError
from mien.training.history import History

CLEAN = ProtocolConfig("clean", monitor="loss")


def epoch(number, loss):
    return {"epoch": number, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.5} | {
        "val_macro_recall": 0.5,
        "seconds": 1.0,
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_epoch_without_a_number_is_never_the_best(tmp_path, bad):
    history = History(tmp_path / "metrics.csv", 3)
    history.append(epoch(1, bad))
    with pytest.raises(MienError, match="val_loss is not a finite number"):
        history.best(CLEAN)
    for number, loss in ((2, 0.5), (3, 0.4), (4, math.nan)):
        history.append(epoch(number, loss))
    assert (history.best(CLEAN).epoch, history.best(CLEAN).value) == (3, 0.4)
    again = History(tmp_path / "metrics.csv", 3)
    assert [math.isfinite(row["val_loss"]) for row in again.rows] == [False, True, True, False]
    assert again.best(CLEAN) == history.best(CLEAN)
