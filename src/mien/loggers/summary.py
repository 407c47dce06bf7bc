"""Tables at W&B that no single training has: a sweep's comparison, a search's trials, the verdicts of a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mien.comparison.compare import Comparison
from mien.comparison.conclusion import conclusion
from mien.comparison.frames import class_frame, model_frame, pair_frame, run_frame
from mien.config.schema import LoggerConfig
from mien.files import read_json
from mien.loggers.facts import Facts, cut_tags, group_name
from mien.loggers.run import tried, wandb_used
from mien.secrets import clean, clean_text


def sweep_summary(config: LoggerConfig, folder: Path, comparison: Comparison) -> None:
    """Send a sweep's comparison to W&B where that is chosen: one run of job type ``compare`` in the sweep's group.

    It has the ranking with mean and spread over seeds, all runs, pairs and classes, and the plots. A sweep that is
    continued keeps its run, which is then written anew. While no job is finished there is none.

    Args:
        config: The loggers' settings.
        folder: The sweep's folder, with the plots of its comparison.
        comparison: Of its jobs.
    """
    runs = [job.result for job in comparison.finished]
    if not runs:
        return
    names = [name for run in runs for name in (run.dataset["name"], run.backbone, run.protocol["name"])]
    group = group_name(config.group, folder.name)
    settings = clean({"sweep": folder.name, "jobs": [job.name for job in comparison.jobs]})
    facts = Facts(folder, "compare", "comparison", group, cut_tags([*names, *config.tags]), settings)
    send_tables(config, facts, _tables(comparison), _scores(comparison), sorted((folder / "plots").glob("*.png")))


def search_summary(config: LoggerConfig, folder: Path, trials: Path, best: Path, plot: Path) -> None:
    """Send a search to W&B where that is chosen: one run of job type ``search`` in its group.

    It has the table of trials with their validation values, the best one, and the picture. A search that is continued
    keeps its run, which is then written anew.

    Args:
        config: The loggers' settings.
        folder: The search's folder.
        trials: The table of trials.
        best: What is known of the best one.
        plot: The picture.
    """
    scores = {f"best/{key}": value for key, value in clean(read_json(best)).items() if value not in (None, {})}
    group = group_name(config.group, folder.name)
    facts = Facts(folder, "search", "search", group, cut_tags(config.tags), {"sweep": folder.name})
    send_tables(config, facts, {"trials": pd.read_csv(trials, dtype_backend="pyarrow")}, scores, [plot])


def send_tables(
    config: LoggerConfig,
    facts: Facts,
    tables: Mapping[str, pd.DataFrame],
    scores: Mapping[str, Any],
    plots: Sequence[Path] = (),
) -> None:
    """Send tables to W&B as a run of their own, where W&B is chosen; what goes wrong is only logged."""
    if not wandb_used(config):
        return
    from mien.loggers.wandb_run import WandbLog
    from mien.loggers.wandb_tables import frame_table, pictures

    def send() -> None:
        one, code = WandbLog(config, facts), 1
        try:
            one.run.summary.update(dict(scores))
            one.send({name: frame_table(table) for name, table in tables.items()} | pictures(plots))
            code = 0
        finally:
            one.close(code)

    tried("W&B", send)


def _tables(comparison: Comparison) -> dict[str, pd.DataFrame]:
    tables = {"runs": run_frame(comparison)}
    tested = comparison.tested
    if tested is not None:
        tables |= {"ranking": model_frame(tested), "per_class": class_frame(tested), "pairs": pair_frame(tested)}
    return {name: table for name, table in tables.items() if not table.empty}


def _scores(comparison: Comparison) -> dict[str, Any]:
    """How many jobs are finished, what can be concluded, and the first model's accuracy."""
    scores: dict[str, Any] = {"jobs": len(comparison.jobs), "finished": len(comparison.finished)}
    scores["conclusion"] = clean_text(conclusion(comparison))
    if comparison.tested is not None:
        first = comparison.tested.scores[0]
        scores |= {"best/model": first.model.name, "best/accuracy": first.accuracy, "best/trainings": len(first.by_run)}
        if first.sd is not None:
            scores["best/accuracy_sd"] = first.sd
    return scores
