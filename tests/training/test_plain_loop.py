"""mien's training computes what the loop computes that everybody writes: the same seed, the same losses."""

import pandas as pd
import PIL.Image
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

from mien.config.schema import (
    BackboneConfig,
    DatasetConfig,
    OptimizerConfig,
    ProtocolConfig,
    ScheduleConfig,
    TrainerConfig,
)
from mien.data.batches import Batches
from mien.data.catalog import load_source
from mien.data.decode import Decoder
from mien.data.drawn import DrawnFaces
from mien.labels import EXPRESSIONS
from mien.models.factory import build_classifier, input_spec
from mien.seeds import derive
from mien.training.data import ExpressionData, labelled
from mien.training.fit import RunPlace, fit
from mien.types import SplitName
from tiny import small_config

EPOCHS, SIZE = 4, 32


@pytest.fixture(autouse=True)
def _two_threads():
    """PyTorch's channels-last batch norm adds up one value after the other: the fewer threads, the less exactly."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def root(tmp_path):
    """Drawn faces of 80 px in class folders."""
    faces = DrawnFaces(63, seed=0, size=80)
    for index, label in enumerate(faces.labels):
        file = tmp_path / "data" / "train" / EXPRESSIONS.names[label] / f"{index:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(faces.read(index)).save(file)
    return tmp_path / "data"


def config(root, backbone, lr, **trainer):
    return small_config(
        dataset=DatasetConfig("image_folder", root=str(root), batch_size=16),
        backbone=BackboneConfig(backbone, image_size=SIZE),
        optimizer=OptimizerConfig("sgd", lr=lr),
        schedule=ScheduleConfig("step", step_size=2),
        protocol=ProtocolConfig("published", selection="none", checkpoint="last"),
        trainer=TrainerConfig(max_epochs=EPOCHS, accelerator="cpu", precision="32-true", **trainer),
        seed=4,
    )


def network(settings):
    torch.manual_seed(settings.seed)
    return build_classifier(settings.backbone, settings.head, 7)


def plain_losses(settings, part, root):
    """ImageFolder, PIL transforms, DataLoader, fp32, and a loop; only the order of the images is mien's."""
    chain = Compose([Resize(SIZE), CenterCrop(SIZE), ToTensor(), Normalize([0.5] * 3, [0.5] * 3)])
    images = ImageFolder(root / "train", chain)
    places = {path.split("/train/")[1]: place for place, (path, _) in enumerate(images.samples)}
    ours = [places[path.removeprefix("train/")] for path in part.reader.paths]
    model, losses = network(settings), []
    optimizer = torch.optim.SGD(model.parameters(), settings.optimizer.lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
    for epoch in range(EPOCHS):
        order = Batches(labelled(Decoder(input_spec(settings.backbone)).decode(part)), 16, derive(4, epoch)).order
        torch.manual_seed(derive(4, epoch, 0, 1))
        generator = torch.Generator()
        loader = DataLoader(images, 16, sampler=[ours[index] for index in order], generator=generator)
        model.train()
        total = 0.0
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        scheduler.step()
        losses.append(total / len(order))
    return losses


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize(("backbone", "lr"), [("custom_cnn", 0.05), ("small_cnn", 0.003)])
def test_the_loss_curve_is_the_plain_loops(backbone, lr, channels_last, root, tmp_path):
    settings = config(root, backbone, lr, channels_last=channels_last)
    part = load_source(settings.dataset).parts[SplitName.TRAIN]
    spec = input_spec(settings.backbone)
    decoded = Decoder(spec, cache=str(tmp_path / "cache")).decode(part)
    data = ExpressionData(labelled(decoded), None, 16, settings.seed)
    fit(settings, network(settings), spec, data, RunPlace(tmp_path / "run"))
    losses = pd.read_csv(tmp_path / "run" / "metrics.csv").train_loss.tolist()
    assert losses[-1] < 0.99 * losses[0]
    assert losses == pytest.approx(plain_losses(settings, part, root), rel=1e-4)
