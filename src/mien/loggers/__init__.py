"""Loggers: where curves, scores and tables go, beside a run's own files.

What a sweep or a study sends at its end is in :mod:`mien.loggers.summary`, which takes longer to import.
"""

from mien.loggers.facts import Facts, Outcome, told
from mien.loggers.run import Loggers, check_loggers, logged

__all__ = ["Facts", "Loggers", "Outcome", "check_loggers", "logged", "told"]
