"""What a command line and a preset say of a search's space."""

import pytest

from mien.errors import ConfigError
from mien.search.space import read_space


def one(override):
    space, fixed = read_space([override], {})
    assert fixed == []
    return space.dimensions[0]


def test_every_form_of_hydras_grammar():
    assert str(one("optimizer.lr=tag(log,interval(1e-5,1e-2))")) == "1e-05 to 0.01, log"
    assert str(one("loss.label_smoothing=interval(0,0.2)")) == "0 to 0.2"
    assert str(one("augment.rotate=tag(int,interval(0,20))")) == "whole numbers 0 to 20"
    assert str(one("augment.rotate=int(interval(0,20))")) == "whole numbers 0 to 20"
    assert one("dataset.batch_size=range(16,80,16)").values() == [16, 32, 48, 64]  # Hydra's range leaves out its end
    assert one("head.dropout=range(0.1,0.35,0.1)").values() == pytest.approx([0.1, 0.2, 0.3])
    assert one("backbone=small_cnn,resnet18").choices == ("small_cnn", "resnet18")
    assert one("backbone=choice(small_cnn,resnet18)").choices == ("small_cnn", "resnet18")
    assert one("head.hidden=[64],[128,64]").choices == ("[64]", "[128,64]")
    assert one("+experimental.key=1,2").key == "+experimental.key"


def test_a_fixed_override_takes_a_key_out_of_the_preset():
    preset = {"optimizer.lr": "tag(log, interval(1e-4, 1e-2))", "optimizer.weight_decay": "interval(0, 0.1)"}
    space, fixed = read_space(["optimizer.lr=1e-3", "backbone=small_cnn,resnet18", "seed=3"], preset)
    assert space.described() == {
        "backbone": "one of small_cnn, resnet18",
        "optimizer.weight_decay": "0 to 0.1",
    }
    assert fixed == ["optimizer.lr=1e-3", "seed=3"]


def test_what_is_typed_counts_more_than_the_preset():
    space, _ = read_space(["optimizer.lr=interval(0.1,0.2)"], {"optimizer.lr": "interval(0, 1)"})
    assert space.described() == {"optimizer.lr": "0.1 to 0.2"}


def test_overrides_have_four_digits_and_stay_inside():
    lr = one("optimizer.lr=tag(log,interval(1e-5,1e-2))")
    assert lr.override(0.00123456) == "optimizer.lr=0.001235"
    assert one("loss.label_smoothing=interval(0,0.99999)").override(0.999985) == "loss.label_smoothing=0.99999"
    assert one("head.dropout=range(0.1,0.35,0.1)").override(0.30000000000000004) == "head.dropout=0.3"
    assert one("augment.rotate=tag(int,interval(0,20))").override(7.0) == "augment.rotate=7"


def test_the_size_of_a_space():
    space, _ = read_space(["backbone=small_cnn,resnet18", "dataset.batch_size=range(16,80,16)"], {})
    assert space.size == 8
    assert next(space.combinations()) == {"backbone": "small_cnn", "dataset.batch_size": 16}
    assert read_space(["backbone=small_cnn,resnet18", "optimizer.lr=interval(0,1)"], {})[0].size is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=interval(1,0)", "from low to high, got 1 to 0"),
        ("optimizer.lr=tag(log,interval(0,1))", "begins above 0"),
        ("dataset.batch_size=range(8,8)", "got none"),
        ("seed=0,1,2", "the luckiest"),
        ("dataset.validation_fraction=0.1,0.2", "other validation images"),
        ("dataset=drawn_faces,fer2013", "other validation images"),
        ("protocol.monitor=accuracy,loss", "which number is compared"),
        ("logger=none,wandb", "does not change the result"),
    ],
)
def test_what_cannot_be_searched(override, message):
    with pytest.raises(ConfigError, match=message):
        read_space([override], {})


def test_an_empty_space_says_how_to_fill_it():
    with pytest.raises(ConfigError, match=r"pass \+search=optimizer"):
        read_space(["optimizer.lr=1e-3"], {})
