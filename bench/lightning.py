"""What Lightning itself costs a training step, and what single switches of it cost.

    python bench/lightning.py [--network stub|small_cnn] [--profile]

Microseconds a step of the same module on the same batches of two 32 px images, contenders taking turns in one process.
`bare loop` is fetch, training_step, backward, optimizer and schedule in a Python loop; `mien` is mien's Trainer without
logger and progress bar; the others are mien's Trainer with one thing changed. The stub network is one 1x1 convolution
and a linear layer, so that little besides the overhead is left to measure. Progress bars write to memory: what
a terminal makes of them is not in the number. ``--profile`` adds where a step's time goes by cProfile, which
makes every Python call dearer than it is: read shares, not times.
"""

import argparse
import io
from collections import defaultdict
from collections.abc import Callable
from cProfile import Profile
from functools import partial
from pathlib import Path
from pstats import Stats
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytorch_lightning as pl
from adapter import LEAN, StepClock, cache_override, captured, composed, timed
from common import Spread, alternate, clock, command_parser, print_table, shown, spread, write
from pytorch_lightning.callbacks import LearningRateMonitor, RichProgressBar
from pytorch_lightning.loggers import CSVLogger
from torch import nn

from mien.config.schema import BackboneConfig, Config
from mien.models.backbone import Backbone

BATCH = 2
PACKAGES = {
    "Lightning": ("/pytorch_lightning/", "/lightning_fabric/", "/lightning_utilities/", "/torchmetrics/"),
    "torch": ("/torch/", "built-in method torch", "torch._C", "'torch"),
    "mien": ("/mien/",),
    "bench": ("/bench/",),
}


def stub(config: BackboneConfig) -> Backbone:
    """Next to no network."""
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Backbone(nn.Sequential(nn.Conv2d(config.channels, 4, 1)), pool, 4)


def tiny_config(options: argparse.Namespace, folder: Path) -> Config:
    """Mien's config of as many tiny steps as are needed."""
    steps = options.warmup + options.steps
    data = [f"dataset.drawn.train={BATCH * steps}", "dataset.drawn.validation=7", "dataset.drawn.test=7"]
    data += ["dataset.drawn.size=32", "backbone.image_size=32", f"dataset.batch_size={BATCH}"]
    rest = ["augment=none", "protocol=published", "trainer.max_epochs=1", *cache_override(folder / "cache")]
    return composed([*data, *rest, *LEAN])


def bare_loop(config: Config, options: argparse.Namespace) -> float:
    """Microseconds a step of the module's own training step in a Python loop."""
    trainer, module, data = captured(config)
    device, context = trainer.strategy.root_device, trainer.precision_plugin.forward_context
    module.to(device).train()
    start = 0.0
    for index, batch in enumerate(data.train_dataloader()):
        if index == options.warmup:
            start = clock()
        placed = [part.to(device) for part in batch]
        module.optimizer.zero_grad()
        with context():
            loss = module.training_step(placed, index)
        loss.backward()
        module.optimizer.step()
        module.schedule.step()
    return 1e6 * (clock() - start) / options.steps


def lightning(config: Config, options: argparse.Namespace, change: Callable[[pl.Trainer], None] | None) -> float:
    """Microseconds a step under mien's Trainer."""
    done = timed(config, StepClock(options.warmup, options.steps), change)
    return 1e6 * done.seconds / options.steps


def with_logger(trainer: pl.Trainer, folder: Path, every: int) -> None:
    """A CSV logger with the learning-rate monitor."""
    trainer.logger = CSVLogger(folder / "csv")
    trainer.log_every_n_steps = every  # type: ignore[attr-defined]
    trainer.callbacks.append(LearningRateMonitor("epoch"))  # type: ignore[attr-defined]


def with_bar(trainer: pl.Trainer, rate: int) -> None:
    """A progress bar that is drawn whether or not there is a terminal."""
    console = {"force_terminal": True, "file": io.StringIO()}
    trainer.callbacks.append(RichProgressBar(rate, console_kwargs=console))  # type: ignore[attr-defined]


class ProfiledClock(StepClock):
    """Profiles the timed steps."""

    profile: Profile

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Switch the profile on after the warm-up, and off after the last timed step."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if batch_idx + 1 == self.warmup:
            self.profile = Profile()
            self.profile.enable()
        elif batch_idx + 1 == self.warmup + self.steps:
            self.profile.disable()


def profiled(config: Config, options: argparse.Namespace) -> dict[str, Any]:
    """Own time by package, and the ten functions outside torch with the most of it; microseconds a step."""
    done = timed(config, ProfiledClock(options.warmup, options.steps))
    assert isinstance(done, ProfiledClock)
    packages: dict[str, float] = defaultdict(float)
    rows = []
    for (file, _, name), (_, calls, own, total, _) in Stats(done.profile).stats.items():  # type: ignore[attr-defined]
        package = _package(file, name)
        packages[package] += 1e6 * own / options.steps
        times = {"own": 1e6 * own / options.steps, "with_callees": 1e6 * total / options.steps}
        where = name if file == "~" else f"{Path(file).name}:{name}"
        rows.append({"function": where, "package": package, "calls": calls / options.steps, **times})
    rows = sorted((row for row in rows if row["package"] not in ("torch", "bench")), key=lambda row: -row["own"])
    return {"tool": "cProfile", "unit": "us a step", "own_by_package": dict(packages), "top": rows[:10]}


def _package(file: str, name: str) -> str:
    for package, marks in PACKAGES.items():
        if any(mark in (name if file == "~" else file) for mark in marks):
            return package
    return "Python"


def print_profile(profile: dict[str, Any]) -> None:
    """The two tables of a profile."""
    shares = sorted(profile["own_by_package"].items(), key=lambda item: -item[1])
    print_table("Own time by package, cProfile", ["package", "us/step"], [[n, f"{v:.0f}"] for n, v in shares])
    rows = [
        [row["function"], row["package"], f"{row['calls']:.1f}", f"{row['own']:.1f}", f"{row['with_callees']:.1f}"]
        for row in profile["top"]
    ]
    columns = ["function", "package", "calls/step", "own us/step", "with callees"]
    print_table("Top ten outside torch by own time", columns, rows)


def measure(config: Config, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Microseconds a step of all contenders, and differences round by round."""
    changes: dict[str, Callable[[pl.Trainer], None] | None] = {
        "mien": None,
        "logger, every 50 steps": partial(with_logger, folder=folder, every=50),
        "logger, every step": partial(with_logger, folder=folder, every=1),
        "progress bar, every step": partial(with_bar, rate=1),
        "progress bar, every 5 steps": partial(with_bar, rate=5),
    }
    contenders = {"bare loop": partial(bare_loop, config, options)}
    contenders |= {name: partial(lightning, config, options, change) for name, change in changes.items()}
    times = alternate(contenders, options.rounds)

    def over(name: str, base: str) -> Spread:
        return spread([a - b for a, b in zip(times[name], times[base], strict=True)])

    return {
        "us_a_step": {name: spread(values) for name, values in times.items()},
        "over_bare_loop": {name: over(name, "bare loop") for name in changes},
        "over_mien": {name: over(name, "mien") for name in changes if name != "mien"},
    }


def main() -> None:
    """Measure, print tables, write the JSON."""
    parser = command_parser(__doc__, "lightning", rounds=5)
    parser.add_argument("--network", choices=("stub", "small_cnn"), default="stub")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    network = {"small_cnn": stub} if options.network == "stub" else {}
    with TemporaryDirectory() as folder, patch.dict("mien.models.factory.BACKBONES", network):
        config = tiny_config(options, Path(folder))
        result = measure(config, options, Path(folder))
        result["profile"] = profiled(config, options) if options.profile else None
    over, bare = result["over_bare_loop"], result["us_a_step"]["bare loop"]
    rows = [["bare loop", shown(bare, 0), ""]]
    rows += [[name, shown(result["us_a_step"][name], 0), shown(over[name], 0)] for name in over]
    print_table(f"A step of {options.network}, batch {BATCH}", ["", "us/step: median (min..max)", "over bare"], rows)
    if result["profile"]:
        print_profile(result["profile"])
    write(options, result)


if __name__ == "__main__":
    main()
