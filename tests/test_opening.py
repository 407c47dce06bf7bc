"""What is held against train for leaks: under every protocol, and in every kind of data set."""

import shutil
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pytest

from mien.config.schema import DatasetConfig, DrawnConfig, MixedPartConfig, ProtocolConfig
from mien.errors import DataError
from mien.opening import open_for_evaluation, open_for_training
from mien.types import SplitName

CLEAN = ProtocolConfig("clean")
LAST = ProtocolConfig("published", selection="none", checkpoint="last")


@dataclass
class FakeBundle:
    """All that opening asks of a model: how its own data were cut."""

    about: dict = field(
        default_factory=lambda: {
            "config": {"dataset": {"name": "none"}},
            "protocol": {"selection": "none", "report": "test"},
        }
    )

    @classmethod
    def trained(cls, dataset, protocol):
        """A model of this data set and protocol."""
        fingerprint = open_for_training(dataset, protocol).source.spec().fingerprint
        return cls(
            {
                "config": {"dataset": asdict(dataset)},
                "protocol": asdict(protocol),
                "dataset": {"fingerprint": fingerprint},
            }
        )


@pytest.fixture
def fer2013(tmp_path):
    """Eight training images and seven of each test; of PublicTest two stand in train, of PrivateTest three."""
    images = np.random.default_rng(0).integers(0, 256, (22, 2304), np.uint8)
    labels = [*range(7), 0, *range(7), *range(7)]
    usages = ["Training"] * 8 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
    for copy, original in ((8, 0), (9, 0), (15, 0), (16, 1), (17, 3)):  # 9 and 17 under another label
        images[copy] = images[original]
    lines = [
        f"{label},{' '.join(map(str, image))},{usage}"
        for label, image, usage in zip(labels, images, usages, strict=True)
    ]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]))
    return DatasetConfig("fer2013", root=str(tmp_path))


def facts(leaks):
    return leaks.split, [image.image.split(":")[1] for image in leaks.images], leaks.conflicting


def test_the_reported_part_of_a_csv_is_held_against_its_train(fer2013, caplog):
    with caplog.at_level("WARNING", "mien"):
        opened = open_for_training(fer2013, CLEAN)
    assert facts(opened.leaks) == (SplitName.TEST, ["16", "17", "18"], 1)
    assert (
        "fer2013: 3 of 7 test images stand byte for byte in train too, 1 of them with another label" in caplog.messages
    )
    on_validation = open_for_training(fer2013, ProtocolConfig("published", selection="none", report="validation"))
    assert facts(on_validation.leaks) == (SplitName.VALIDATION, ["9", "10"], 1)
    for split, leaked in {"test": 3, "validation": 2}.items():
        assert len(open_for_evaluation(fer2013, SplitName(split), FakeBundle()).leaks.images) == leaked
    assert open_for_evaluation(fer2013, SplitName.TRAIN, FakeBundle()).leaks is None


@pytest.fixture
def folders(tmp_path):
    """Ten training images a class and five of each in test, of which four are training images."""
    rng = np.random.default_rng(1)
    for name in ("anger", "fear", "sadness"):
        contents = [rng.bytes(50) for _ in range(11)]
        for split, chosen in {"train": contents[:10], "test": contents[:4] + contents[10:]}.items():
            (tmp_path / split / name).mkdir(parents=True)
            for number, content in enumerate(chosen):
                (tmp_path / split / name / f"{number}.png").write_bytes(content)
    return DatasetConfig("image_folder", root=str(tmp_path), validation_fraction=0.5)


def test_what_leaks_does_not_depend_on_where_validation_is_cut(folders):
    """Half of train becomes validation, whose images were not trained on, but chosen on: they leak as well."""
    clean, published = open_for_training(folders, CLEAN), open_for_training(folders, LAST)
    sizes = [len(opened.source.parts["train"]) for opened in (clean, published)]
    assert sizes == [15, 30]
    assert clean.leaks.keys() == {f"test/{name}/{n}.png" for name in ("anger", "fear", "sadness") for n in range(4)}
    left = set(clean.source.parts["train"].digests)
    assert 0 < sum(digest in left for digest in clean.source.parts["test"].digests) < 12
    assert clean.leaks == published.leaks == open_for_evaluation(folders, SplitName.TEST, FakeBundle()).leaks


def test_a_validation_part_cut_from_train_shares_no_image_with_the_rest(folders):
    assert open_for_evaluation(folders, SplitName.VALIDATION, FakeBundle()).leaks.images == ()


def test_no_validation_part_is_cut_from_what_a_model_was_trained_on(folders):
    with pytest.raises(DataError, match=r"trained on all of its train part, so that none .* choose split=test"):
        open_for_evaluation(folders, SplitName.VALIDATION, FakeBundle.trained(folders, LAST))
    kept = ProtocolConfig("published", selection="none", report="validation")
    for protocol in (CLEAN, kept):
        opened = open_for_evaluation(folders, SplitName.VALIDATION, FakeBundle.trained(folders, protocol))
        assert len(opened.source.parts["validation"]) == 15
        on_train = open_for_evaluation(folders, SplitName.TRAIN, FakeBundle.trained(folders, protocol))
        assert len(on_train.source.parts["train"]) == 15


def test_other_folders_are_cut_as_asked_and_own_ones_as_trained(folders, tmp_path, caplog):
    shutil.rmtree(tmp_path / "test")
    model = FakeBundle.trained(folders, CLEAN)
    asked = replace(folders, test_fraction=0.5)
    with caplog.at_level("WARNING", "mien"):
        own = open_for_evaluation(asked, SplitName.TEST, model)
    assert (own.own, len(own.source.parts["test"])) == (True, 6)
    assert "dataset.test_fraction=0.5 is not used: the model knows these data, cut with 0.2" in caplog.messages
    next((tmp_path / "train" / "fear").iterdir()).unlink()
    other = open_for_evaluation(asked, SplitName.TEST, model)
    assert (other.own, len(other.source.parts["test"])) == (False, 14)
    assert not open_for_evaluation(asked, SplitName.VALIDATION, model).own


def test_without_a_train_part_nothing_is_known(folders, tmp_path):
    (tmp_path / "train").rename(tmp_path / "hidden")
    (tmp_path / "test").rename(tmp_path.parent / "only")
    root = tmp_path.parent / "alone"
    root.mkdir()
    (tmp_path.parent / "only").rename(root / "test")
    alone = DatasetConfig("image_folder", root=str(root))
    assert open_for_evaluation(alone, SplitName.TEST, FakeBundle()).leaks is None
    with pytest.raises(
        DataError, match=r"image_folder \(dataset.root=.*alone\) has no training images, only test; add"
    ):
        open_for_training(alone, LAST)


def test_one_class_is_none_to_tell_from_others(folders, tmp_path):
    inside = DatasetConfig("image_folder", root=str(tmp_path / "train"))
    for folder in [*(tmp_path / "train").iterdir()][1:]:
        shutil.rmtree(folder)
    with pytest.raises(DataError, match=r"has one class only, .*is dataset.root one level off"):
        open_for_training(inside, LAST)
    assert open_for_evaluation(inside, SplitName.TEST, FakeBundle()).split == "test"


def test_a_mix_has_no_leak_left(fer2013):
    members = {"fer": MixedPartConfig("fer2013", fer2013.root), "drawn": MixedPartConfig("drawn_faces")}
    mix = DatasetConfig("mixed", drawn=DrawnConfig(14, 7, 7, 32), mixed=members)
    opened = open_for_training(mix, CLEAN)
    assert opened.leaks.images == ()
    assert len(opened.source.parts["train"]) == 8 + 14 - 3
