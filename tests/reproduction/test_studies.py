"""All studies of the project load and compose, and mistakes in their files are named."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_study import STUDY, make_places

from mien.errors import ConfigError
from mien.reproduction.gathering import gather
from mien.reproduction.recipes import Places, plan
from mien.reproduction.report import Findings, document
from mien.reproduction.study import find_studies, load_study

ROOT = Path(__file__).resolve().parents[2]
PLACES = Places(ROOT / "experiments", ROOT / "conf", "/data", Path("outputs"))
STUDIES = find_studies(PLACES.experiments)
PARTS = [(study, part) for study in STUDIES for part in load_study(PLACES.experiments, study).parts]


def test_there_are_as_many_as_expected():
    assert STUDIES == ["fecnn", "fecnn_clean", "fer2013_scratch", "keras_fer2013", "transfer"]
    assert len(PARTS) == 27


@pytest.mark.parametrize(("study", "part"), PARTS)
def test_a_part_composes(study, part):
    recipe = plan(PLACES, f"{study}/{part}").recipes[0]
    assert recipe.config.seed == recipe.part.seeds[0]
    assert "/data/" in recipe.config.dataset.root
    assert recipe.part.cost
    assert recipe.part.needs


@pytest.mark.parametrize("study", STUDIES)
def test_a_report_of_nothing_run_can_be_written(study, tmp_path):
    asked = plan(replace(PLACES, output=tmp_path), study)
    page = document(Findings(study, asked.study, asked.parts, gather(asked, []))).markdown()
    assert page.count("Not run: not started yet") == len(asked.parts)


def test_study_a_has_every_published_number():
    study = load_study(PLACES.experiments, "fecnn")
    printed = {name: [q.printed for q in part.quantities if q.printed] for name, part in study.parts.items()}
    assert printed["custom_cnn"] == ["77", "98.530", "19.97"]
    assert printed["resnet18"] == ["82", "99.251", "0.657", "82", "73", "64", "94", "74", "81", "83", "14.58"]
    assert printed["vgg19"] == ["62", "72.341", "13.77"]
    assert printed["resnet50"] == ["59", "68.9"]
    first = {name: part.curves["train_accuracy"][0] for name, part in study.parts.items() if not part.reference}
    assert first == {"custom_cnn": "24.23", "resnet18": "43.96", "vgg19": "39.36", "resnet50": "42.61"}
    assert study.parts["resnet18"].quantities[2].scale == round(6938 / 217, 3)


@pytest.mark.parametrize("part", ["resnet18", "vgg19", "resnet50"])
def test_an_ablation_trains_all_layers_from_random_weights_and_is_not_judged(part):
    recipe = plan(PLACES, f"fecnn/{part}_scratch").recipes[0]
    assert (recipe.config.backbone.weights, recipe.config.backbone.freeze) == ("none", "none")
    assert recipe.part.reference.startswith("an ablation")
    own = plan(PLACES, f"fecnn/{part}").recipes[0]
    assert own.config.backbone.weights == "imagenet"
    assert not own.part.reference


def test_the_clean_study_chooses_on_validation_three_times():
    for recipe in plan(PLACES, "fecnn_clean/custom_cnn").recipes:
        protocol = recipe.config.protocol
        assert (protocol.selection, protocol.checkpoint, protocol.report) == ("validation", "best", "test")
    assert len(plan(PLACES, "fecnn_clean").recipes) == 3 * len(load_study(PLACES.experiments, "fecnn_clean").parts)


MISTAKES = [
    ('printed: "62"', "printed: 62.0", r"small\.quantities\[1\]\.printed: expected text, got 62\.0; put it in quotes"),
    ('printed: "62"', 'printed: "62 %"', r"\(test accuracy\)\.printed: expected a number as printed.*got '62 %'"),
    ("seeds: [0, 1]", "seedz: [0, 1]", r"parts\.small\.seedz: unknown key; did you mean 'seeds' or"),
    ("seeds: [0, 1]", "seeds: [0, 0]", r"small\.seeds: expected whole numbers >= 0, each once, got \[0, 0\]"),
    ("seeds: [0, 1]", "seeds: [yes]", r"small\.seeds\[1\]: expected a whole number, got True"),
    ("seeds: [0, 1]", "seeds: 3", r"small\.seeds: expected a list, got 3"),
    ("measure: history.train_loss.last", "measure: history.trian_loss.last", r"did you mean 'train_loss'"),
    ("measure: history.train_loss.last", "measure: history.train_loss.end", r"expected history\.train_loss\.last"),
    ("measure: history.train_loss.last", "measure: test.recall.feer", r"unknown class 'feer'; did you mean 'fear'"),
    ("measure: test.accuracy, printed", "measure: test.acuracy, printed", r"did you mean 'test\.accuracy'"),
    ("measure: test.accuracy, printed", "printed", r"small\.quantities\[1\]\.measure: this key is missing"),
    ("better: lower", "better: lowest", r"quantities\[2\] \(train loss\)\.better: got 'lowest'; did you mean 'lower'"),
    ("why: another machine", 'note: ""', r"\(training time\)\.why: measure is null"),
    ('["24.23"', "[24.23", r"curves\.train_accuracy\[1\]: expected text, got 24\.23"),
    ("curves: {train_accuracy", "curves: {train_acc", r"curves\.train_acc: unknown column"),
    ("- trainer=cpu", "- cpu", r"small\.overrides: expected key=value, got 'cpu'"),
    ("source: a report", "", r"source: this key is missing"),
    ("  small:", "  small/er:", r"parts\.small/er: the name becomes a folder"),
    ('unit: "%", goal', 'unit: "percent", goal', r"\.unit: expected '%' or nothing, got 'percent'"),
    ("scale: 2", "scale: 0", r"\.scale: expected a number above 0, got 0"),
    ("scale: 2", "scale: .nan", r"\.scale: expected a number above 0, got nan"),
    ("seeds: [0, 1]", "seeds: [0, 1]\n    seeds: [2]", r"not valid YAML: the key 'seeds' stands twice"),
    ("seeds: [0, 1]", "counts: {trian: 42}", r"small\.counts\.trian: unknown split; did you mean 'train'"),
    ("seeds: [0, 1]", "counts: {train: 0}", r"small\.counts\.train: expected a whole number > 0, got 0"),
    ("about: Two networks.", "about: [", r"not valid YAML"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_named_with_its_place(tmp_path, right, wrong, message):
    assert right in STUDY
    places = make_places(tmp_path, STUDY.replace(right, wrong, 1))
    with pytest.raises(ConfigError, match=message) as caught:
        load_study(places.experiments, "faces")
    assert "faces/published.yaml" in str(caught.value)


def test_all_mistakes_come_at_once(tmp_path):
    places = make_places(tmp_path, STUDY.replace("seeds:", "seedz:").replace("cost:", "costs:"))
    with pytest.raises(ConfigError, match="2 problems"):
        load_study(places.experiments, "faces")


def test_an_unknown_study_or_part_lists_the_names(tmp_path):
    places = make_places(tmp_path)
    with pytest.raises(ConfigError, match=r"there is no study 'face'; did you mean 'faces'\?"):
        plan(places, "face")
    with pytest.raises(ConfigError, match=r"Faces of 2020 has no part 'large'; known: given, small"):
        plan(places, "faces/large")
