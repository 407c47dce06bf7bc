"""Data sets, from files on disk and drawn: one file a source format."""
