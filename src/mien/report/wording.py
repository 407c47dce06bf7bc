"""How numbers are worded, everywhere in tables and pictures. An undefined value is a dash, never a zero."""

from datetime import timedelta

UNDEFINED = "-"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as a percentage: ``0.934`` -> ``93.4 %``; ``None`` -> ``-``."""
    return UNDEFINED if value is None else f"{100 * value:.{digits}f} %"


def interval(bounds: tuple[float, float]) -> str:
    """The two bounds of an interval of fractions: ``92.0-94.6 %``."""
    low, high = bounds
    return f"{100 * low:.1f}-{100 * high:.1f} %"


def points(difference: float) -> str:
    """A difference of fractions in percentage points: ``0.142`` -> ``14.2 points``."""
    return f"{100 * difference:.1f} points"


def points_interval(bounds: tuple[float, float]) -> str:
    """The two bounds of an interval of differences, which may be negative: ``-1.0 to 4.6 points``."""
    low, high = bounds
    return f"{100 * low:.1f} to {100 * high:.1f} points"


def pixels(low: int, high: int | None) -> str:
    """A range of sizes: ``40-80 px``, ``<40 px`` or ``160+ px``."""
    if high is None:
        return f"{low}+ px"
    return f"{low}-{high} px" if low else f"<{high} px"


def duration(seconds: float) -> str:
    """A time span: ``8.3 s``, ``1 min 32 s`` or ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(whole.total_seconds()), 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
