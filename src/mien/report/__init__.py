"""Reports: pictures and tables made from result files alone, so that they can be rebuilt without torch.

:mod:`~mien.report.run` makes the plots of a run folder, :mod:`~mien.report.tables` what a user reads when a run ends,
and :mod:`~mien.report.document` pages; :mod:`mien.comparison` writes one on several runs.
"""
