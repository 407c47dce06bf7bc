"""Comparing runs: ranking, paired tests on the same images, calibration, and a report that says what follows.

It reads result files only: no torch, no images. :mod:`~mien.comparison.compare` is the way in for programs,
:mod:`~mien.comparison.write` the files of a comparison, :mod:`~mien.comparison.terminal` what a sweep ends with.
"""
