"""The bundle: a folder with a model's weights and all that is needed to use it, without the code that trained it.

``model.safetensors`` holds the weights, ``model.json`` the classes, the input, the crop rule, the network's config (or
those of an ensemble's members), the protocol, the scores and the versions. No pickle.
"""

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

from safetensors.torch import load_file, save_file

from mien.config.load import from_plain
from mien.config.schema import BackboneConfig, HeadConfig
from mien.errors import RunFolderError, WeightsError
from mien.files import read_json, write_json
from mien.labels import LabelSet
from mien.models.ensemble import Ensemble, Member, network_name
from mien.models.factory import Classifier, build_classifier
from mien.models.views import Views
from mien.types import CropRule, InputSpec

SCHEMA = 1
FOLDER, WEIGHTS, FACTS = "bundle", "model.safetensors", "model.json"
CARD = "README.md"
"""The model card; for people, nothing reads it."""


@dataclass(frozen=True)
class Bundle:
    """A model ready for use.

    Attributes:
        classifier: The network, in eval mode.
        labels: Its classes, in the order of its logits.
        spec: Its input.
        backbone: The backbone's config, from which the network is built again.
        head: The head's config.
        crop: How faces are cut out of photos.
        flip_average: Whether probabilities are averaged over an image and its mirror image.
        ten_crop: Side in pixels that images are prepared at for ten crops of the input's size; 0: none are made.
        about: Anything else worth keeping: protocol, data, config, scores, versions.
        members: What the networks of an ensemble are built from; none: it is a single network.
    """

    classifier: Classifier | Ensemble
    labels: LabelSet
    spec: InputSpec
    backbone: BackboneConfig
    head: HeadConfig
    crop: CropRule = field(default_factory=CropRule)
    flip_average: bool = False
    ten_crop: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()

    @property
    def name(self) -> str:
        """What the network is called: its backbone, or those of an ensemble's members."""
        return network_name(self.backbone, self.members)

    @property
    def views(self) -> Views:
        """The views of an image over which its probabilities are averaged."""
        return Views(self.spec.size, self.flip_average, self.ten_crop)

    def save(self, folder: Path) -> Path:
        """Write the bundle into ``<folder>/bundle``, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "schema": SCHEMA,
            "labels": list(self.labels),
            "input": self.spec.to_dict(),
            "crop": self.crop.to_dict(),
            "backbone": asdict(self.backbone),
            "head": asdict(self.head),
            "flip_average": self.flip_average,
            "ten_crop": self.ten_crop,
            "about": self.about,
        }
        if self.members:
            facts["members"] = [member.to_dict() for member in self.members]
        target = folder / FOLDER
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
            new = Path(name) / FOLDER
            new.mkdir()
            state = {key: value.detach().cpu().contiguous() for key, value in self.classifier.state_dict().items()}
            save_file(state, new / WEIGHTS)
            write_json(new / FACTS, facts)
            if target.exists():
                rmtree(target)
            new.replace(target)
        return target

    @classmethod
    def load(cls, path: Path) -> "Bundle":
        """Read a bundle.

        Args:
            path: A bundle folder, or a run folder that holds one.

        Raises:
            RunFolderError: There is no bundle, or one of another schema or crop rule.
            WeightsError: Its weights do not fit its network.
        """
        folder = find_bundle(path)
        facts = read_json(folder / FACTS)
        if facts.get("schema") != SCHEMA:
            raise RunFolderError(f"{folder / FACTS}: expected schema {SCHEMA}, got {facts.get('schema')}")
        try:
            crop = CropRule(**facts["crop"])  # older bundles lack some keys
        except (TypeError, ValueError) as error:
            raise RunFolderError(f"{folder / FACTS}: no crop rule that this version of mien knows: {error}") from error
        labels = LabelSet(tuple(facts["labels"]))
        backbone, head = from_plain(BackboneConfig, facts["backbone"]), from_plain(HeadConfig, facts["head"])
        members = tuple(map(Member.from_dict, facts.get("members", [])))
        classifier: Classifier | Ensemble
        if members:
            classifier = Ensemble([one.build(len(labels)) for one in members], [one.spec for one in members])
        else:
            classifier = build_classifier(backbone, head, len(labels), load=False)
        try:
            classifier.load_state_dict(load_file(folder / WEIGHTS))
        except RuntimeError as error:
            raise WeightsError(f"{folder}: the weights do not fit the network: {error}") from error
        return cls(
            classifier.eval(),
            labels,
            InputSpec.from_dict(facts["input"]),
            backbone,
            head,
            crop,
            facts["flip_average"],
            facts.get("ten_crop", 0),  # older bundles have none
            facts["about"],
            members,
        )


def find_bundle(path: Path) -> Path:
    """The bundle's folder: the path itself, or the one in a run folder.

    Raises:
        RunFolderError: There is no bundle.
    """
    folder = path if (path / FACTS).is_file() else path / FOLDER
    if not (folder / FACTS).is_file() or not (folder / WEIGHTS).is_file():
        raise RunFolderError(f"{path} is neither a bundle ({FACTS} and {WEIGHTS}) nor a finished run that holds one")
    return folder
