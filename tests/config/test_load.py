"""Sets of a mix on the command line, which Hydra alone would refuse."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore

from mien.config.load import register, typed
from mien.config.schema import Config, MixedPartConfig
from mien.errors import ConfigError
from mien.sweep import register_resolvers

CONF = Path(__file__).resolve().parents[2] / "conf"


def config_of(*arguments):
    register("train_schema", Config, arguments)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(compose("train", list(arguments)), Config)


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_sets_are_named_key_by_key(plus):
    config = config_of(
        "dataset=mixed",
        f"{plus}dataset.mixed.fer.name=fer2013",
        "dataset.mixed.fer.root=/data/fer",
        "dataset.mixed.me.name=micro_expressions",
        "dataset.mixed.me.weight=2",
        "dataset.mixed.me.labels.contempt=disgust",
        "dataset.mixed.me.table.path=file",
    )
    fer, me = config.dataset.mixed["fer"], config.dataset.mixed["me"]
    assert fer == MixedPartConfig("fer2013", "/data/fer")
    assert (me.name, me.weight, me.labels, me.table.path) == ("micro_expressions", 2.0, {"contempt": "disgust"}, "file")


def test_sets_are_named_at_once():
    config = config_of("dataset=mixed", "dataset.mixed={fer: {name: fer2013, root: /data/fer}, b: {name: drawn_faces}}")
    assert config.dataset.mixed == {"fer": MixedPartConfig("fer2013", "/data/fer"), "b": MixedPartConfig("drawn_faces")}


def test_the_sets_of_a_preset_take_their_roots():
    preset = "+experiment=mixed/fer2013_micro_expressions"
    config = config_of(preset, "dataset.mixed.fer2013.root=/a", "dataset.mixed.micro_expressions.root=/b")
    members = [(member.name, member.root, member.version) for member in config.dataset.mixed.values()]
    assert sorted(members) == [("fer2013", "/a", None), ("micro_expressions", "/b", "v1")]


def test_a_set_without_a_name_is_refused():
    message = r"dataset\.mixed\.fr\.name: it needs a value; pass dataset\.mixed\.fr\.name=<value>"
    with pytest.raises(ConfigError, match=message):
        config_of("dataset=mixed", "dataset.mixed.fr.root=/data/fer")


def test_the_sets_of_one_command_line_are_not_those_of_the_next():
    config_of("dataset=mixed", "dataset.mixed.fer.name=fer2013")
    config_of()
    assert ConfigStore.instance().load("train_schema.yaml").node.dataset.mixed == {}
