import pytest

from mien.report.wording import duration, interval, percent, pixels, points, points_interval


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0 %"), (0.9344, "93.4 %"), (1.0, "100.0 %"), (1 / 3, "33.3 %")]
)
def test_percent(value, text):
    assert percent(value) == text


def test_differences_and_sizes():
    assert points(0.1416) == "14.2 points"
    assert points_interval((-0.01, 0.046)) == "-1.0 to 4.6 points"
    assert [pixels(0, 40), pixels(40, 80), pixels(160, None)] == ["<40 px", "40-80 px", "160+ px"]


def test_interval_and_whole_percent():
    assert interval((0.92, 0.9461)) == "92.0-94.6 %"
    assert percent(0.634, 0) == "63 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.26, "8.3 s"), (59.6, "1 min 00 s"), (92.4, "1 min 32 s"), (7500.0, "2 h 05 min"), (42, "42 s")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
