"""What makes a training step fast: precision, kept memory, compiling; and where its time goes.

    python bench/step.py [--backbones custom_cnn,resnet18,small_cnn,efficientnet_lite0] [--batch 32]

The bare step (forward, backward, optimizer) of mien's network on one batch that is in place, channels-last, SGD as
study A's. Contenders are processes that take turns:
    fp32, bf16   the precision, with freed memory kept by the process (mien.training.allocator)
    given back   bf16, as the C library is by default: large freed arrays go back to the system
    compiled     bf16, kept, the network through torch.compile; needs a C++ compiler
The profile is bf16's: own time of PyTorch's operations, as shares. Weights are random.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import torch
from common import alternate, clock, command_parser, print_table, ratio, shown, spread, write
from torch import nn

CONTENDERS = {
    "fp32": {"bf16": False, "kept": True, "compiled": False},
    "bf16": {"bf16": True, "kept": True, "compiled": False},
    "given back": {"bf16": True, "kept": False, "compiled": False},
    "compiled": {"bf16": True, "kept": True, "compiled": True},
}
_step: list[Any] = []


def build(backbone: str, batch: int, bf16: bool, kept: bool, compiled: bool) -> None:
    """Make this process's step."""
    from adapter import composed

    from mien.models.factory import build_classifier
    from mien.training.allocator import keep_freed_memory

    if kept:
        keep_freed_memory()
    torch.manual_seed(0)
    config = composed([f"backbone={backbone}", "logger=none", "scenes=none", "detector=whole_image"])
    network = build_classifier(config.backbone, config.head, 7, load=False).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, 0.9, fused=True)
    c = config.backbone
    images = torch.rand(batch, c.channels, c.image_size, c.image_size).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 7
    forward = torch.compile(network) if compiled else network

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()

    _step.append((step, batch))


def measure(steps: int, warmup: int) -> float:
    """Images a second of this process's step."""
    step, batch = _step[0]
    for _ in range(warmup):
        step()
    start = clock()
    for _ in range(steps):
        step()
    return float(batch * steps / (clock() - start))


def profile(steps: int) -> list[dict[str, Any]]:
    """The eight dearest operations of this process's step, by their own time."""
    step, _ = _step[0]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            step()
    rows = sorted(found.key_averages(), key=lambda row: -row.self_cpu_time_total)
    total = sum(row.self_cpu_time_total for row in rows)
    return [
        {"operation": row.key, "share": row.self_cpu_time_total / total, "calls_a_step": row.count / steps}
        for row in rows[:8]
    ]


def backbone_record(backbone: str, options: argparse.Namespace) -> dict[str, Any]:
    """All numbers of a backbone."""
    pools = {
        name: ProcessPoolExecutor(
            1, get_context("spawn"), build, (backbone, options.batch, how["bf16"], how["kept"], how["compiled"])
        )
        for name, how in CONTENDERS.items()
    }

    def run(name: str) -> float:
        return pools[name].submit(measure, options.steps, options.warmup).result()

    speed = alternate({name: partial(run, name) for name in pools}, options.rounds)
    operations = pools["bf16"].submit(profile, options.steps).result()
    for pool in pools.values():
        pool.shutdown()
    return {
        "images_per_second": {name: spread(values) for name, values in speed.items()},
        "bf16_over": {name: ratio(speed["bf16"], speed[name]) for name in speed if name != "bf16"},
        "profile": operations,
    }


def main() -> None:
    """Measure, print tables, write the JSON."""
    parser = command_parser(__doc__, "step", rounds=5)
    parser.add_argument("--backbones", default="custom_cnn,resnet18,small_cnn,efficientnet_lite0")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=6)
    options = parser.parse_args()
    record = {backbone: backbone_record(backbone, options) for backbone in options.backbones.split(",")}
    columns = ["", *(f"{name}, images/s" for name in CONTENDERS), "bf16 / fp32", "bf16 / given back", "bf16 / compiled"]
    rows = [
        [backbone, *(shown(found["images_per_second"][name]) for name in CONTENDERS)]
        + [shown(found["bf16_over"][name], 2) for name in CONTENDERS if name != "bf16"]
        for backbone, found in record.items()
    ]
    print_table(f"The bare step, batch {options.batch}", columns, rows)
    for backbone, found in record.items():
        operations = [[row["operation"], f"{100 * row['share']:.0f} %"] for row in found["profile"]]
        print_table(f"{backbone}, own time in bf16", ["operation", "share"], operations)
    write(options, {"backbones": record})


if __name__ == "__main__":
    main()
