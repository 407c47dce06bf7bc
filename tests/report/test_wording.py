import pytest

from mien.report.wording import duration, interval, percent


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0 %"), (0.9344, "93.4 %"), (1.0, "100.0 %"), (1 / 3, "33.3 %")]
)
def test_percent(value, text):
    assert percent(value) == text


def test_interval_and_whole_percent():
    assert interval((0.92, 0.9461)) == "92.0-94.6 %"
    assert percent(0.634, 0) == "63 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.26, "8.3 s"), (59.6, "1 min 00 s"), (92.4, "1 min 32 s"), (7500.0, "2 h 05 min"), (42, "42 s")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
