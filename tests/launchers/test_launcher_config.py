"""launcher=...: what each can be told, and what is refused before a sweep starts."""

import socket
import time

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import MissingConfigException
from hydra.utils import instantiate

from mien.config.check_sweep import launcher_problems
from mien.config.load import register
from mien.config.schema import Config, LauncherConfig, TrainerConfig
from mien.errors import ConfigError, DeviceError, LauncherError
from mien.sweep import register_resolvers
from mien.sweep.launchers import _by_address, _check_cluster, check_launcher, lost, missing_extra
from tiny import CONF, composed, evaluation

LAUNCHERS = ["joblib", "local", "ray", "slurm", "slurm_local"]


def sweep_config(*overrides):
    """A sweep's whole config, Hydra's part included."""
    register("train_schema", Config)
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides), return_hydra_config=True)


def test_every_launcher_has_a_file():
    assert sorted(path.stem for path in (CONF / "launcher").glob("*.yaml")) == LAUNCHERS


@pytest.mark.parametrize("name", LAUNCHERS)
def test_every_launcher_composes(name):
    assert composed(f"launcher={name}").launcher.name == name
    assert evaluation("run=x", "scenes=drawn", f"launcher={name}").launcher.name == name


@pytest.mark.parametrize(
    ("name", "settings", "part"),
    [
        ("loca", {}, "did you mean 'local'"),
        ("local", {"gpus": 1}, "launcher=local has no such setting"),
        ("joblib", {"partition": "gpu"}, "choose launcher=slurm"),
        ("ray", {"minutes": 5}, "launcher.minutes"),
        ("slurm_local", {"restarts": 2}, "leave it out, or choose launcher=slurm"),
        ("joblib", {"jobs": 0}, "launcher.jobs: expected 1 or more, got 0"),
        ("slurm", {"gpus": 0.5}, "whole GPUs, got 0.5"),
        ("ray", {"gpus": 1.5}, "a share of one GPU such as 0.5, or a whole number, got 1.5"),
        ("ray", {"gpus": "all"}, "expected a number of GPUs, got 'all'"),
        ("ray", {"gpus": -1}, "expected 0 or more, got -1"),
        ("ray", {"address": "auto", "jobs": 2}, "decides by its cores and GPUs"),
    ],
)
def test_wrong_settings_are_told(name, settings, part):
    (problem,) = launcher_problems(LauncherConfig(name, **settings))
    assert part in problem


@pytest.mark.parametrize(
    ("settings", "accelerator", "part"),
    [
        ({"cpus": 1}, "cpu", "pass launcher.cpus=2"),
        ({"cpus": 4}, "gpu", "takes 2 gpus, but launcher.gpus says nothing"),
        ({"cpus": 1, "gpus": 1}, "auto", "takes 2 gpus, but launcher.gpus gives it 1"),
        ({"cpus": 2}, "cpu", None),
        ({"cpus": 1, "gpus": 2}, "auto", None),
    ],
)
def test_a_job_of_two_devices_needs_two(settings, accelerator, part):
    trainer = TrainerConfig(devices="2", accelerator=accelerator)
    problems = list(launcher_problems(LauncherConfig("ray", **settings), trainer))
    assert problems == [] if part is None else part in problems[0]


def test_one_launcher_for_a_sweep():
    with pytest.raises(ConfigError, match=r"launcher\.cpus: expected one value for the whole sweep"):
        check_launcher(sweep_config(), ["seed", "launcher.cpus"])


def test_slurm_without_sbatch(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LauncherError, match=r"no sbatch here.*launcher=slurm_local"):
        check_launcher(sweep_config("launcher=slurm"), [])


def test_more_gpus_than_there_are(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    check_launcher(sweep_config("launcher=joblib", "launcher.gpus=0.5"), [])
    with pytest.raises(DeviceError, match=r"2 job\(s\) at a time need 2 GPU\(s\), and this machine has 1"):
        check_launcher(sweep_config("launcher=joblib", "launcher.gpus=1"), [])


def test_a_ray_address_that_does_not_answer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(LauncherError, match="no Ray cluster answers"):
            check_launcher(sweep_config("launcher=ray", f"launcher.address='{address}'"), [])
    assert time.monotonic() - start < 10
    with pytest.raises(ConfigError, match="expected auto, host:port or ray://host:port, got 'here'"):
        check_launcher(sweep_config("launcher=ray", "launcher.address=here"), [])


def test_what_a_cluster_must_have():
    nodes = [{"Resources": {"CPU": 4.0, "GPU": 1.0}}, {"Resources": {"CPU": 8.0}}]
    _check_cluster(LauncherConfig("ray", cpus=8, gpus=0.5), nodes, "auto")
    _check_cluster(LauncherConfig("ray", cpus=8), nodes, "cpu")
    with pytest.raises(ConfigError, match=r"launcher\.gpus=1 \(a GPU of its own\)"):
        _check_cluster(LauncherConfig("ray", cpus=8), nodes, "auto")
    with pytest.raises(DeviceError, match=r"launcher\.cpus=9: no machine of the Ray cluster has more than 8"):
        _check_cluster(LauncherConfig("ray", cpus=9), nodes, "cpu")


def test_rays_start_by_address(monkeypatch):
    own = _by_address(LauncherConfig("ray", cpus=2, jobs=3))
    assert (own["address"], own["num_cpus"]) == ("local", 6)
    monkeypatch.setenv("PYTHONPATH", "a")
    running = _by_address(LauncherConfig("ray", cpus=2, address="auto"))
    variables = running["runtime_env"]["env_vars"]
    assert variables["PYTHONPATH"] == variables["MIEN_FOLDER"] + "/a"
    assert "address" not in running


def test_a_missing_launcher_names_its_extra(monkeypatch):
    sweep_config()  # Hydra looks for its plugins
    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["launcher"], "submitit_slurm.yaml")
    with pytest.raises(MissingConfigException) as info:
        sweep_config("launcher=slurm")
    assert missing_extra(info.value).endswith("not installed; pip install 'mien[slurm]'")
    with pytest.raises(MissingConfigException) as info:
        sweep_config("hydra/launcher=nowhere")
    assert missing_extra(info.value) is None


def test_a_launcher_that_gives_up_is_told_in_a_line():
    made_up = type("WorkerCrashedError", (Exception,), {"__module__": "ray.exceptions"})
    assert lost(made_up("The worker\ndied.\n\nTrace")) == (
        "ray gave up (WorkerCrashedError: The worker died.); the same command continues"
    )
    assert lost(ValueError("x")) is None


@pytest.fixture
def script(monkeypatch, tmp_path):
    """The lines of the script that hydra-submitit-launcher has submitit write for 20 jobs."""
    submitit = pytest.importorskip("submitit", reason="pip install 'mien[slurm]'")
    written = []

    def map_array(self, function, *arguments):
        slurm = self._executor
        slurm.parameters["map_count"] = len(arguments[0])
        written.extend(slurm._make_submission_file_text("python job", "uid").splitlines())
        assert slurm.max_num_timeout == 10
        return []

    monkeypatch.setattr(submitit.AutoExecutor, "map_array", map_array)
    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))
    monkeypatch.chdir(tmp_path)

    def of(*settings):
        config = sweep_config("launcher=slurm", "hydra.sweep.dir=sweep", "hydra.job.name=train", *settings)
        launcher = instantiate(config.hydra.launcher)
        launcher.setup(hydra_context=None, task_function=None, config=config)
        launcher.launch([[f"seed={seed}"] for seed in range(20)], 0)
        return written

    return of


def test_the_sbatch_script_says_what_was_asked_for(script, tmp_path):
    settings = ["partition=gpu", "account=faces", "minutes=90", "memory_gb=32", "gpus=2", "cpus=8", "jobs=5"]
    lines = script(*(f"launcher.{text}" for text in settings))
    for line in (
        "#SBATCH --partition=gpu",
        "#SBATCH --account=faces",
        "#SBATCH --time=90",
        "#SBATCH --mem=32GB",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --array=0-19%5",
        "#SBATCH --nodes=1",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --signal=USR2@120",
        f"#SBATCH --output={tmp_path}/sweep/.submitit/%A_%a/%A_%a_0_log.out",
    ):
        assert line in lines, "\n".join(lines)


def test_what_is_not_asked_for_is_left_to_the_cluster(script):
    text = "\n".join(script())
    assert "--array=0-19%20" in text
    assert "--time=240" in text
    assert not any(f"--{key}=" in text for key in ("partition", "account", "mem", "gpus-per-node", "cpus-per-task"))
