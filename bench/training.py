"""How fast mien trains study A's networks, beside a plain PyTorch loop and beside the bare step.

    python bench/training.py [--backbones custom_cnn,resnet18] [--data <micro_expressions>] [key=value ...]

Contenders take turns; every number is the median over the rounds, with the smallest and the largest.
    plain, N workers   bench/plain_loop.py: torchvision, Pillow, fp32, loss.item() every step; in processes of their
                       own, since mien tells its process how to keep freed memory
    mien               `python train.py +experiment=fecnn/<backbone>` through Lightning, without logger and progress bar
    bare               mien's network, loss, optimizer, precision and memory format on one batch that is in place:
                       forward, backward, step, in a Python loop
On a GPU mien runs both with and without CUDA graphs (trainer.cuda_graphs).
Times are of the steady state: mien has decoded all images before its first step (bench/decode.py, bench/startup.py
measure that), the plain loop decodes them in every epoch. ImageNet weights are replaced by random ones of the same
shapes. Further ``key=value`` go to mien's config.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from adapter import LEAN, ShareClock, StepClock, cache_override, captured, composed, in_place, random_weights, timed
from common import (
    add_data_options,
    alternate,
    clock,
    command_parser,
    data_overrides,
    draw_folder,
    print_table,
    ratio,
    shown,
    spread,
    write,
)
from plain_loop import PlainProcess

from mien.config.load import plain
from mien.config.schema import Config

NOTES = {
    "weights": "random everywhere, also in the place of ImageNet's; speed does not depend on them",
    "steady_state": "what mien does before its first step (decoding, cached features) is not part of it",
    "plain": "in processes of their own, fp32",
    "mien": "mien.pipeline.run as far as the end of training, no logger, no progress bar, no checkpoint",
}


def mien_config(backbone: str, options: argparse.Namespace, folder: Path, data: Path) -> Config:
    """The config of the published chain on the data to be measured."""
    overrides = [f"+experiment=fecnn/{backbone}", *LEAN, *cache_override(folder / "cache")]
    overrides += data_overrides(options) or ["dataset=image_folder", f"dataset.root={data}"]
    overrides += [f"dataset.batch_size={options.batch}", "trainer.max_epochs=1"]
    overrides += [f"trainer.limit_train_batches={options.warmup + options.steps}"]
    overrides += [f"trainer.precision={options.precision}"] if options.precision else []
    overrides += options.overrides
    return composed(overrides + random_weights(composed(overrides), folder))


def bare_step(config: Config, steps: int, warmup: int) -> tuple[Callable[[], float], str]:
    """A function that trains on one batch over and over and returns images a second; and the precision it works in."""
    trainer, module, data = captured(config)
    device, context = trainer.strategy.root_device, trainer.precision_plugin.forward_context
    module.to(device).train()
    network, inputs = in_place(module, data, config, device)
    b = len(inputs)
    labels = torch.arange(b, device=device) % module.classifier.num_classes

    def step() -> None:
        module.optimizer.zero_grad()
        with context():
            loss = module.loss(network(inputs), labels)
        loss.backward()
        module.optimizer.step()

    def run() -> float:
        for _ in range(warmup):
            step()
        start = clock()
        for _ in range(steps):
            step()
        return b * steps / (clock() - start)

    return run, str(trainer.precision)


def measure(backbone: str, options: argparse.Namespace, folder: Path, data: Path) -> dict[str, Any]:
    """All numbers of a backbone."""
    config = mien_config(backbone, options, folder, data)
    warmup, steps = options.warmup, options.steps

    shares: list[float] = []

    def mien() -> float:
        done = timed(config, share := ShareClock(warmup, steps))
        shares.append(1 - share.bare / share.seconds)
        return done.images / done.seconds

    def on_gpu(graphs: bool) -> float:
        own = replace(config, trainer=replace(config.trainer, cuda_graphs=graphs))
        done = timed(own, StepClock(warmup, steps))
        return done.images / done.seconds

    bare, precision = bare_step(config, steps, warmup)
    contenders: dict[str, Callable[[], float]] = {"mien": mien, "bare": bare}
    if torch.cuda.is_available():  # a ShareClock would wait for the GPU in every step
        contenders |= {"mien": partial(on_gpu, False), "mien, CUDA graphs": partial(on_gpu, True)}
    loops = {workers: PlainProcess(backbone, data / "train", options.batch, workers) for workers in (0, 2)}
    for workers, loop in loops.items():
        contenders[f"plain, {workers} workers"] = partial(loop.images_per_second, steps, warmup)
    speed = alternate(contenders, options.rounds)
    for loop in loops.values():
        loop.close()
    slow, fast, values = speed["plain, 0 workers"], speed["plain, 2 workers"], plain(config)
    return {
        "images_per_second": {name: spread(rates) for name, rates in speed.items()},
        "mien_over_plain": {
            "0 workers": ratio(speed["mien"], slow),
            "2 workers": ratio(speed["mien"], fast),
            "the faster": ratio(speed["mien"], [max(pair) for pair in zip(slow, fast, strict=True)]),
        },
        "not_bare_step": spread([1 - m / b for m, b in zip(speed["mien"], speed["bare"], strict=True)]),
        "not_bare_step_same_run": spread(shares) if shares else None,
        "precision": precision,
        "config": {key: values[key] for key in ("trainer", "augment", "optimizer", "head", "protocol")},
    }


def print_results(backbone: str, result: dict[str, Any]) -> None:
    """The table of a backbone."""
    rows = [[f"{name}, images/s", shown(value)] for name, value in result["images_per_second"].items()]
    rows += [[f"mien / plain, {name}", shown(value, 2)] for name, value in result["mien_over_plain"].items()]
    rows += [["share of mien's time that is not the bare step, %", shown(result["not_bare_step"], 1, 100)]]
    rows += [["the same, within mien's own runs, %", shown(result["not_bare_step_same_run"], 1, 100)]]
    print_table(f"Training {backbone}, mien in {result['precision']}", ["", "median (min..max)"], rows)


def main() -> None:
    """Measure, print tables, write the JSON."""
    parser = command_parser(__doc__, "training", rounds=5)
    add_data_options(parser, "drawn faces, as JPEGs of 80 px in class folders")
    parser.add_argument("--backbones", default="custom_cnn,resnet18", help="of these and vgg19, resnet50")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--precision", help="trainer.precision (default: the config's)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="further overrides of mien's config")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = options.batch * (options.warmup + options.steps + 8)
        data = options.data or draw_folder(folder / "faces", images)
        results = {}
        for backbone in options.backbones.split(","):
            results[backbone] = measure(backbone, options, folder, data)
            print_results(backbone, results[backbone])
    source = options.dataset if options.data else f"image_folder of {images} drawn train images, 80 px"
    write(options, {"data": source, "notes": NOTES, "backbones": results})


if __name__ == "__main__":
    main()
