"""A search for settings: Optuna proposes, mien trains, and the validation split decides.

Light to import: Optuna comes with :mod:`~mien.search.engine`'s functions only.
"""
