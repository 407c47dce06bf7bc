"""The audit of a data set: what a score on it is worth before a model is trained."""

from mien.audit.copies import known_copies
from mien.audit.result import AuditResult, find, load

__all__ = ["AuditResult", "find", "known_copies", "load"]
