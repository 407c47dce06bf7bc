"""A real sweep of three small trainings, in which one is killed, and then the whole sweep; and what is left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tiny import TINY

ROOT = Path(__file__).resolve().parents[2]
FIRST, SHORT, LAST = 24, 2, 60
"""Epochs of the jobs: the one that is killed, one that is not, and the one at which the sweep is killed."""
RAYS_OWN = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""They look now and then whether their cluster is there, and end some time after it."""
EPOCHS = f"trainer.max_epochs={FIRST},{SHORT},{LAST}"
JOB = (*TINY, "logger=none", "scenes=none", "schedule=constant")


class Sweep:
    """A sweep in a folder of its own."""

    def __init__(self, folder, *launcher):
        self.folder = folder
        self.arguments = ["-m", *JOB, *launcher, EPOCHS]
        self.output = ""

    def start(self, *more):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "MIEN_CACHE": "cache"}
        self.folder.mkdir(exist_ok=True)
        self.log = self.folder / "output.txt"
        command = [sys.executable, str(ROOT / "train.py"), *self.arguments, *more]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def finish(self, timeout=300):
        code = self.process.wait(timeout)
        self.output = self.log.read_text()
        return code

    def notes(self):
        """What ``job.json`` says, by the number of epochs."""
        found = {}
        for file in self.folder.glob("outputs/*/job.json"):
            note = json.loads(file.read_text())
            found[int(note["name"].split("=")[1])] = note | {"folder": file.parent}
        return found

    def until(self, what, timeout=300):
        """Wait for something that is true of the notes."""
        end = time.monotonic() + timeout
        while not what(self.notes()):
            assert time.monotonic() < end, f"{self.notes()}\n{self.log.read_text()[-3000:]}"
            time.sleep(0.02)

    def descendants(self):
        """The processes that it has started, directly and by others, and what each is."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return {process: " ".join(process.cmdline()) for process in found}


def trains(note):
    """Whether a job is at work, and has saved an epoch: that is done before the next one is over."""
    file = note["folder"] / "metrics.csv"
    return note["state"] == "running" and file.is_file() and len(file.read_text().splitlines()) > 2


def kill_job(note):
    """SIGKILL to the process that trains: the one that the watching process's server forked."""
    (server,) = [child for child in psutil.Process(note["pid"]).children() if "forkserver" in " ".join(child.cmdline())]
    (child,) = [child for child in server.children() if "resource_tracker" not in " ".join(child.cmdline())]
    child.send_signal(signal.SIGKILL)


def outliving(processes, timeout=20):
    """What those of some processes are that are still at work after a while."""
    end = time.monotonic() + timeout
    alive = dict(processes)
    while alive and time.monotonic() < end:
        time.sleep(0.1)
        alive = {process: what for process, what in alive.items() if at_work(process)}
    return list(alive.values())


def at_work(process):
    """Whether a process runs; one that has ended may wait to be taken notice of."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def summary(notes):
    """State and number of starts of each job."""
    return {epochs: (note["state"], note["attempts"]) for epochs, note in sorted(notes.items())}


def kill_and_repeat(sweep, ends_with_it=True):
    """Kill the first job, let the short one finish, kill the process that sweeps, and repeat the command.

    Returns:
        What was so at these moments: the notes, the processes that outlived, the exit code and output at the end.
    """
    sweep.start()
    sweep.until(lambda notes: FIRST in notes and trains(notes[FIRST]))
    kill_job(sweep.notes()[FIRST])
    sweep.until(lambda notes: SHORT in notes and notes[SHORT]["state"] == "finished")
    sweep.until(lambda notes: LAST in notes and (trains(notes[LAST]) or notes[LAST]["state"] == "finished"))
    sweep.began = sweep.descendants()
    sweep.process.kill()
    sweep.process.wait()
    jobs = {process: what for process, what in sweep.began.items() if not what.startswith(RAYS_OWN)}
    left = outliving(jobs) if ends_with_it else []
    killed = sweep.notes()
    sweep.start("sweep.retry=true")
    code = sweep.finish()
    return killed, left, code
