"""Which process this is, by what torchrun, srun or mien set, and how many are needed."""

import pytest
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment

from mien import world as module
from mien.config.schema import TrainerConfig
from mien.environment import is_first_process, local_rank, processes_from_outside, processes_needed
from mien.errors import DeviceError
from mien.world import World, world

STEP = {
    "SLURM_JOB_ID": "7121",
    "SLURM_NTASKS": "6",
    "SLURM_NTASKS_PER_NODE": "3",
    "SLURM_PROCID": "4",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
}
IN_SRUN = STEP | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "6", "SLURM_STEP_NUM_NODES": "2"}
TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "GROUP_RANK": "1"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for name in [*IN_SRUN, *TORCHRUN, "NODE_RANK", "TORCHELASTIC_RUN_ID", "SLURM_JOB_NAME"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def given(monkeypatch):
    """Sets variables of the environment."""
    return lambda values: [monkeypatch.setenv(name, value) for name, value in values.items()]


def test_alone():
    assert world() == World(rank=0, size=1, local_rank=0, local_size=1, node=0, starter="mien")
    assert is_first_process()
    assert not processes_from_outside()


def test_torchrun(given):
    given(TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"})
    assert world() == World(rank=5, size=8, local_rank=1, local_size=4, node=1, starter="torchrun")
    assert processes_from_outside()
    assert local_rank() == 1


def test_the_first_process_of_a_second_node_is_not_the_first(given):
    given(TORCHRUN | {"RANK": "4", "LOCAL_RANK": "0"})
    assert not is_first_process()


def test_srun_as_lightning_reads_it(given):
    given(IN_SRUN)
    theirs = SLURMEnvironment(auto_requeue=False)
    assert world() == World(
        rank=theirs.global_rank(),
        size=theirs.world_size(),
        local_rank=theirs.local_rank(),
        local_size=3,
        node=theirs.node_rank(),
        starter="srun",
    )
    assert world().rank == 4


@pytest.mark.parametrize(
    "values",
    [
        STEP,  # a script of sbatch
        STEP | {"SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "1"},  # a shell of salloc
        IN_SRUN | {"SLURM_JOB_NAME": "bash"},  # srun --pty bash
        IN_SRUN | {"SLURM_JOB_NAME": "interactive"},
    ],
)
def test_inside_an_allocation_a_process_is_alone(given, values):
    given(values)
    assert world() == World()
    assert processes_needed(TrainerConfig(accelerator="cpu", devices="2")) == 2


@pytest.mark.parametrize(
    ("accelerator", "devices", "gpus", "needed"),
    [
        ("cpu", "1", 4, 1),
        ("cpu", "auto", 4, 1),
        ("cpu", "3", 0, 3),
        ("auto", "auto", 0, 1),
        ("auto", "auto", 4, 4),
        ("auto", "2", 0, 2),
        ("gpu", "auto", 1, 1),
        ("gpu", "2", 4, 2),
    ],
)
def test_processes_needed(monkeypatch, accelerator, devices, gpus, needed):
    monkeypatch.setattr(module, "_gpus", lambda: gpus)
    assert processes_needed(TrainerConfig(accelerator=accelerator, devices=devices)) == needed


@pytest.mark.parametrize(
    ("accelerator", "devices", "gpus", "message"),
    [
        (
            "gpu",
            "auto",
            0,
            "trainer.accelerator=gpu: PyTorch finds no GPU here; use trainer=cpu, or trainer.accelerator=cpu",
        ),
        ("gpu", "3", 2, r"trainer.devices=3: this machine has 2 GPU\(s\)$"),
        ("auto", "3", 2, r"trainer.devices=3: this machine has 2 GPU\(s\)$"),
    ],
)
def test_more_devices_than_there_are(monkeypatch, accelerator, devices, gpus, message):
    monkeypatch.setattr(module, "_gpus", lambda: gpus)
    with pytest.raises(DeviceError, match=message):
        processes_needed(TrainerConfig(accelerator=accelerator, devices=devices))


def test_a_gpu_for_each_task_alone_is_named(given, monkeypatch):
    given(IN_SRUN)
    monkeypatch.setattr(module, "_gpus", lambda: 1)
    with pytest.raises(DeviceError, match="start srun without --gpus-per-task"):
        processes_needed(TrainerConfig(accelerator="gpu", devices="3", num_nodes=2))


def test_several_nodes_need_a_starter():
    with pytest.raises(DeviceError) as caught:
        processes_needed(TrainerConfig(accelerator="cpu", devices="2", num_nodes=3))
    assert "torchrun --nnodes=3 --nproc-per-node=2 " in str(caught.value)
    assert "srun --nodes=3 --ntasks-per-node=2 --kill-on-bad-exit=1 python train.py" in str(caught.value)


def test_processes_that_are_there_are_not_started_again(given):
    given(TORCHRUN)
    assert processes_needed(TrainerConfig(accelerator="cpu", devices="4", num_nodes=2)) == 1


@pytest.mark.parametrize(("devices", "nodes"), [("1", 1), ("8", 1), ("4", 1), ("2", 4)])
def test_another_number_of_processes_than_asked_for(given, devices, nodes):
    given(TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"})
    with pytest.raises(DeviceError, match=r"but torchrun started 4 here and 8 in all; make these the same numbers"):
        processes_needed(TrainerConfig(accelerator="cpu", devices=devices, num_nodes=nodes))


def test_a_single_process_of_torchrun_starts_no_others(given):
    given(dict.fromkeys(TORCHRUN, "0") | {"WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "x"})
    with pytest.raises(DeviceError, match="torchrun started 1 here and 1 in all"):
        processes_needed(TrainerConfig(accelerator="cpu", devices="2"))
    assert processes_needed(TrainerConfig(accelerator="cpu")) == 1
