"""Study A's training as a user would write it with torchvision, without mien: what mien is compared with.

    python bench/plain_loop.py [--backbone resnet18] [--workers 2] [--data <folder with train/>] [--epochs 3]

Images are opened, augmented and resized by Pillow, one by one, in every epoch; fp32; loss and accuracy are read every
step. Weights are random, since speed does not depend on them. Prints images a second after the warm-up, or, with
``--epochs``, time and accuracy of whole epochs.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from common import add_data_options, alternate, clock, command_parser, draw_folder, print_table, shown, spread, write
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import models, transforms
from torchvision.datasets import ImageFolder

BACKBONES = ("custom_cnn", "resnet18", "vgg19", "resnet50")


def build_model(name: str) -> nn.Module:
    """One of study A's four networks for seven classes, frozen as there."""
    if name == "custom_cnn":
        return _custom_cnn()
    model: Any = getattr(models, name)(weights=None)
    if name == "vgg19":
        for parameter in model.features.parameters():
            parameter.requires_grad = False
        model.avgpool = nn.AdaptiveAvgPool2d(7)
        model.classifier = _head(25088)
        return model
    if name == "resnet50":
        for parameter in model.parameters():
            parameter.requires_grad = False
    model.fc = _head(model.fc.in_features)
    return model


def _custom_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 128, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(128, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(65536, 1024),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(1024, 7),
    )


def _head(features: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 7))


def build_loader(folder: Path, batch: int, workers: int) -> DataLoader[Any]:
    """Shuffled training batches of a class folder, with study A's transforms."""
    steps = [
        transforms.RandomRotation(10),
        transforms.RandomHorizontalFlip(),
        transforms.Resize(64),
        transforms.CenterCrop(64),
        transforms.ToTensor(),
        transforms.Normalize([0.5] * 3, [0.5] * 3),
    ]
    data = ImageFolder(str(folder), transforms.Compose(steps))
    return DataLoader(data, batch_size=batch, shuffle=True, num_workers=workers)


@dataclass
class PlainLoop:
    """A model with all that trains it."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loader: DataLoader[Any]
    device: str

    @classmethod
    def of(cls, backbone: str, folder: Path, batch: int = 32, workers: int = 0) -> "PlainLoop":
        """Study A's training of a backbone on the class folders in ``folder``."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = build_model(backbone).to(device)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if backbone == "resnet50":
            optimizer: torch.optim.Optimizer = torch.optim.Adam(trained, lr=1e-3)
        else:
            optimizer = torch.optim.SGD(trained, lr=1e-3, momentum=0.9)
        return cls(model, optimizer, build_loader(folder, batch, workers), device)

    def step(self, images: Tensor, labels: Tensor) -> tuple[float, int]:
        """One training step; the loss, and how many images were right."""
        images, labels = images.to(self.device), labels.to(self.device)
        self.optimizer.zero_grad()
        outputs = self.model(images)
        loss = nn.functional.cross_entropy(outputs, labels)
        loss.backward()
        self.optimizer.step()
        return loss.item(), int((outputs.argmax(1) == labels).sum().item())

    def images_per_second(self, steps: int, warmup: int) -> float:
        """Train ``warmup`` steps and then ``steps`` more; images a second of the latter."""
        self.model.train()
        batches = _endless(self.loader)
        for _ in range(warmup):
            self.step(*next(batches))
        images, start = 0, clock()
        for _ in range(steps):
            batch = next(batches)
            self.step(*batch)
            images += len(batch[1])
        seconds = clock() - start
        batches.close()  # type: ignore[attr-defined]  # ends the worker processes
        return images / seconds

    def train_epochs(self, epochs: int) -> list[dict[str, float]]:
        """Train whole epochs, the learning rate falling to a tenth every 45: seconds, loss and accuracy of each."""
        self.model.train()
        schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 45, 0.1)
        rows = []
        for _ in range(epochs):
            start, losses, right, images = time.perf_counter(), 0.0, 0, 0
            for batch in self.loader:
                loss, hits = self.step(*batch)
                losses, right, images = losses + loss * len(batch[1]), right + hits, images + len(batch[1])
            schedule.step()
            seconds = time.perf_counter() - start
            rows.append({"seconds": seconds, "loss": losses / images, "accuracy": right / images})
        return rows


class PlainProcess:
    """A plain loop in a process of its own, out of reach of what mien sets in its (such as how memory is kept).

    Args:
        loop: The arguments of :meth:`PlainLoop.of`.
    """

    def __init__(self, *loop: Any) -> None:
        self.pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_build, initargs=loop)

    def images_per_second(self, steps: int, warmup: int) -> float:
        """As the loop's own."""
        return self.pool.submit(_run, steps, warmup).result()

    def close(self) -> None:
        """End the process."""
        self.pool.shutdown()


_built: list[PlainLoop] = []


def _build(*loop: Any) -> None:
    torch.manual_seed(0)
    _built.append(PlainLoop.of(*loop))


def _run(steps: int, warmup: int) -> float:
    return _built[0].images_per_second(steps, warmup)


def _endless(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "plain_loop", rounds=5)
    add_data_options(parser, "drawn faces")
    parser.add_argument("--backbone", choices=BACKBONES, default="custom_cnn")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=0, help="train so many whole epochs instead")
    options = parser.parse_args()
    torch.manual_seed(0)
    with TemporaryDirectory() as temporary:
        images = options.batch * (options.steps + options.warmup + 8)
        folder = options.data or draw_folder(Path(temporary) / "faces", images)
        loop = PlainLoop.of(options.backbone, folder / "train", options.batch, options.workers)
        title = f"Plain loop, {options.backbone}, {options.workers} workers"
        if options.epochs:
            rows = loop.train_epochs(options.epochs)
            values = [[f"{number}", *(f"{v:.3f}" for v in row.values())] for number, row in enumerate(rows, 1)]
            print_table(title, ["epoch", "seconds", "loss", "accuracy"], values)
            write(options, {"epochs": rows})
            return
        run = {"plain": lambda: loop.images_per_second(options.steps, options.warmup)}
        speed = spread(alternate(run, options.rounds)["plain"])
        print_table(title, ["", "images/s: median (min..max)"], [[options.backbone, shown(speed)]])
        write(options, {"images_per_second": speed})


if __name__ == "__main__":
    main()
