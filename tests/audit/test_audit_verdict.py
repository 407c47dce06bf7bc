"""The sentences of the report."""

import pytest

from mien.audit.result import AuditResult, DuplicateCounts, LeakCounts, PartFacts
from mien.audit.verdict import advice, optimism, verdict


def result(*leaks, clean=None):
    parts = tuple(PartFacts(name, 1000, 0, 0, (500, 500), 1.0) for name in ("train", "test"))
    counts = tuple(DuplicateCounts(kind, 0, 0, 0, 0, {"train": 0, "test": 0}) for kind in ("exact", "near"))
    return AuditResult(
        {"name": "made_up", "version": ""}, ("anger", "fear"), ("0",), "", 10, 0.92, (), parts, (), counts, leaks, (),
        {}, None, clean,
    )  # fmt: skip


def test_optimism():
    # 100 images, 10 leaked, 80 % of the other 90 right: at most (72 + 10) / 100 - 0.8
    assert optimism(100, 10, 0.8) == pytest.approx(0.02)


def test_clean():
    said = verdict(result(LeakCounts("test", "train", 1000, 0, 0, 0, 0)))
    assert said == "None of 1,000 test images stands in train, neither byte for byte nor nearly."


def test_exact_and_near():
    said = verdict(result(LeakCounts("test", "train", 1000, 40, 14, 60, 1)))
    assert said == (
        "40 of 1,000 test images stand in train byte for byte, 14 of them under another label. "
        "A score on this test set is optimistic by at most 4.0 points, and by at most 0.8 points for a model that is "
        "right on 80 % of the clean images. Besides, 60 of 1,000 have no such copy there but a near one, 1 of them "
        "under another label. With these the bound for such a model is 2.0 points."
    )


def test_one_image():
    said = verdict(result(LeakCounts("test", "train", 1000, 1, 0, 0, 0)))
    assert said.startswith("1 of 1,000 test images stands in train byte for byte, 0 of it under another label.")


def test_only_near():
    said = verdict(result(LeakCounts("test", "train", 1000, 0, 0, 60, 1)))
    assert said.startswith("No test image stands in train byte for byte, but 60 of 1,000 have no such copy there")


def test_without_train():
    assert "no train part" in verdict(result())


def test_advice():
    leak = LeakCounts("test", "train", 1000, 40, 14, 60, 1)
    assert list(advice(result(), "data")) == []
    told = " ".join(advice(result(leak, clean={"train": 900, "test": 1000}), "data"))
    assert "train 900 of 1,000 images, test 1,000 of 1,000 images" in told
    assert "dataset.root=data dataset.table.file=" in told
    assert "`leaked.csv` names them" in " ".join(advice(result(LeakCounts("test", "train", 9, 0, 0, 1, 0)), ""))
