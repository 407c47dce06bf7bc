"""Many jobs of one command: their folders, their ledger, what becomes of each, and what is told at the end.

Light to import: torch comes with :mod:`~mien.sweep.work`'s function only, in the process that works.
"""

from mien.sweep.names import comparison_name, recognition_name, register_resolvers, run_name, sweep_overrides

__all__ = ["comparison_name", "recognition_name", "register_resolvers", "run_name", "sweep_overrides"]
