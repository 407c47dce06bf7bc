import pytest

from compared_runs import Files, compared, write_run
from mien.comparison.conclusion import conclusion
from mien.comparison.jobs import load_jobs
from mien.comparison.models import group_models
from mien.config.load import plain
from mien.config.schema import Config, OptimizerConfig
from mien.runs import model_id
from tiny import small_config


def grouped(*folders):
    """Names of the models, each with the folders of its trainings."""
    models = group_models(load_jobs(folders))
    return {model.name: [job.folder.name for job in model.jobs] for model in models}


def test_runs_that_differ_in_their_seed_are_one_model(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", [seed], seed) for seed in (2, 0, 1)]
    b = [write_run(tmp_path / f"b{seed}", range(10), seed, Files(lr=0.2)) for seed in (0, 1)]
    assert grouped(*b, *a) == {"optimizer.lr=0.1": ["a0", "a1", "a2"], "optimizer.lr=0.2": ["b0", "b1"]}


def test_names_that_were_asked_for(tmp_path):
    a = [write_run(tmp_path / f"a{seed}", [seed], seed) for seed in (0, 1)]
    b = write_run(tmp_path / "b", range(10), 0, Files(lr=0.2))
    models = group_models(load_jobs([*a, b], ["CNN", "CNN", "CNN, faster"]))
    assert {model.name: len(model.jobs) for model in models} == {"CNN": 2, "CNN, faster": 1}
    alike = group_models(load_jobs([*a, b], ["CNN"] * 3))
    assert {model.name for model in alike} == {f"CNN ({tmp_path.name})", "CNN (b)"}


def test_places_and_loggers_do_not_make_a_model(tmp_path):
    a = write_run(tmp_path / "here" / "a", [], 0)
    b = write_run(tmp_path / "there" / "b", [], 1)
    text = (b / "config.yaml").read_text()
    (b / "config.yaml").write_text(text.replace("root: null", "root: /data", 1).replace("mode: auto", "mode: offline"))
    assert grouped(a, b) == {"small_cnn": ["a", "b"]}


def test_other_data_make_another_model(tmp_path):
    a = write_run(tmp_path / "a", [], 0)
    b = write_run(tmp_path / "b", [], 1, dataset={"name": "drawn_faces", "version": "1", "fingerprint": "other"})
    assert len(grouped(a, b)) == 2


def test_a_seed_twice_splits_a_model_by_its_folders(tmp_path):
    """As the same runs before and after a change of the code."""
    runs = [write_run(tmp_path / when / f"s{seed}", [], seed) for when in ("old", "new") for seed in (0, 1)]
    assert grouped(*runs) == {"small_cnn (old)": ["s0", "s1"], "small_cnn (new)": ["s0", "s1"]}
    twin = write_run(tmp_path / "old" / "s0 again", [], 0)
    assert grouped(*runs[:2], twin) == {
        "small_cnn (s0)": ["s0"],
        "small_cnn (s1)": ["s1"],
        "small_cnn (s0 again)": ["s0 again"],
    }


@pytest.mark.parametrize("text", [None, "run: outputs/a\n", "just words", "a: [1"])
def test_runs_without_a_config_of_a_training_are_models_of_their_own(tmp_path, text):
    folders = [write_run(tmp_path / str(seed), [], seed, Files(lr=None)) for seed in (0, 1)]
    for number, folder in enumerate(folders):
        if text is not None:
            (folder / "config.yaml").write_text(text + (f"split: {number}\n" if "run" in text else ""))
    assert len(grouped(*folders)) == 2


def test_settings_that_have_been_added_since_count_as_their_defaults(tmp_path):
    a, b = (write_run(tmp_path / str(seed), [], seed) for seed in (0, 1))
    lines = (b / "config.yaml").read_text().splitlines()
    assert any("pct_start: 0.3" in line for line in lines)
    (b / "config.yaml").write_text("\n".join(line for line in lines if "pct_start" not in line))
    assert len(grouped(a, b)) == 1


def test_the_name_of_a_backbone_stands_alone(tmp_path):
    for name in ("resnet18", "vgg19"):
        for seed in (0, 1):
            overrides = (f"seed={seed}", f"backbone={name}", "trainer.max_epochs=3")
            lr = {"resnet18": 0.1, "vgg19": 0.2}[name]
            write_run(tmp_path / f"{name}{seed}", [], seed, Files(lr=lr), backbone=name, overrides=overrides)
    assert set(grouped(*sorted(tmp_path.iterdir()))) == {"resnet18", "vgg19"}


def evaluation(folder, seed, model="m", **settings):
    """An evaluation of a training of a model."""
    seconds = {"fit": 0.0, "test": 1.0, "end_to_end": 0.0}
    write_run(folder, [seed], seed, Files(lr=None), seconds=seconds, model=model)
    lines = {"run": f"outputs/{seed}", "split": "test", "accelerator": "auto"} | settings
    (folder / "config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return folder


def test_evaluations_of_trainings_of_one_model_are_one_model(tmp_path):
    a = [evaluation(tmp_path / f"a{seed}", seed) for seed in (0, 1)]
    assert list(grouped(*a).values()) == [["a0", "a1"]]
    assert "not known" not in conclusion(compared(*a))
    b = [evaluation(tmp_path / f"b{seed}", seed, model="n") for seed in (0, 1)]
    assert sorted(grouped(*a, *b).values()) == [["a0", "a1"], ["b0", "b1"]]
    other = evaluation(tmp_path / "c", 2, **{"crop": "wide"})
    assert len(grouped(*a, other)) == 2


def test_of_older_evaluations_it_is_not_known_how_often_they_were_trained(tmp_path):
    a = [evaluation(tmp_path / f"a{seed}", seed, model="") for seed in (0, 1)]
    assert conclusion(compared(*a)).endswith(
        "How often each model was trained is not known: the spread between trainings is not in these intervals."
    )
    assert "One training of it is compared" in conclusion(compared(evaluation(tmp_path / "b", 0)))


def test_what_a_model_is_trained_with_is_told_by_a_digest():
    def digest(fingerprint="ab", **changes):
        return model_id(plain(small_config(**changes)), fingerprint)

    assert digest() == digest(seed=7, output="elsewhere")
    assert len({digest(), digest("cd"), digest(optimizer=OptimizerConfig("sgd", lr=0.5))}) == 3
    older = plain(small_config())
    defaults = plain(Config)["trainer"]
    older["trainer"] = {key: value for key, value in older["trainer"].items() if value != defaults[key]}
    assert model_id(older, "ab") == digest()
