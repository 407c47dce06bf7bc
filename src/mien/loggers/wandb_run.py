"""One run at Weights & Biases: online when logged in and reachable, otherwise offline; never a prompt.

W&B's reports and saved workspace layouts need the package wandb-workspaces and a connection; mien makes none.
"""

import logging
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from netrc import NetrcParseError, netrc
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import urlparse

from mien.config.schema import LoggerConfig
from mien.errors import ConfigError
from mien.files import read_json, write_json
from mien.loggers.facts import Facts, Outcome, curve_values, scores_of
from mien.loggers.wandb_tables import artifact_of, tables_of

log = logging.getLogger(__name__)
ID_FILE = "wandb.json"
"""Holds the id of the W&B run of a folder; it goes when the folder's training is thrown away."""
_STAGING = "staging"
_OWN_HOSTS = {"api.wandb.ai", "api.forge.coreweave.com"}
"""Names of one server: a key for one of them is good for the other, as W&B has it."""


class WandbLog:
    """A W&B run.

    A folder's run keeps its id, so that a run that is continued is continued there too. Online, W&B says which epochs
    it has. Offline, what an interrupted run left cannot be added to; so the new file gets all epochs from
    ``metrics.csv`` and replaces the old one: there is one whole file to upload at any time.

    Args:
        config: The settings.
        facts: The run.
    """

    def __init__(self, config: LoggerConfig, facts: Facts) -> None:
        self.config, self.folder = config, facts.folder
        mine = _run_id(facts.folder)
        old = sorted((facts.folder / "wandb").glob(f"offline-run-*-{mine}"))
        self.run = _begin(config, facts, mine)
        self.last = self.run.starting_step - 1
        self.run.define_metric("epoch", hidden=True)
        for name in ("train/*", "val/*", "report/*", "lr", "seconds"):
            self.run.define_metric(name, step_metric="epoch")
        for row in facts.epochs():
            self.epoch(row)
        for path in old:
            shutil.rmtree(path)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Send an epoch that W&B does not have yet; its step is its number."""
        epoch = int(row["epoch"])
        if epoch > self.last:
            self.run.log({"epoch": epoch, **curve_values(row)}, step=epoch, commit=True)
            self.last = epoch

    def outcome(self, outcome: Outcome) -> None:
        """Send scores, tables, pictures and, where asked for, the model."""
        self.run.summary.update(scores_of(outcome.result))
        self.send(tables_of(outcome))
        if self.config.artifact and not outcome.trial and (outcome.folder / "bundle").is_dir():
            with self._staged():
                self.run.log_artifact(*artifact_of(outcome))

    def send(self, values: Mapping[str, Any]) -> None:
        """Send tables and pictures."""
        with self._staged():
            self.run.log(dict(values))

    def close(self, code: int) -> None:
        """End the run, and the process of W&B that belongs to it."""
        import wandb

        self.run.finish(exit_code=code)
        if wandb.run is None:  # else someone else's run goes on
            wandb.teardown()

    @contextmanager
    def _staged(self) -> Iterator[None]:
        """Let W&B put files of tables into the run folder, not the user's home, until they are uploaded."""
        before = os.environ.get("WANDB_DATA_DIR")
        os.environ["WANDB_DATA_DIR"] = before or str((self.folder / "wandb" / _STAGING).resolve())
        try:
            yield
        finally:
            if before is None:
                del os.environ["WANDB_DATA_DIR"]


def _run_id(folder: Path) -> str:
    """The id of a folder's W&B run, drawn when it is first asked for."""
    file = folder / ID_FILE
    if not file.is_file():
        write_json(file, {"id": token_hex(6)})
    return str(read_json(file)["id"])


def _begin(config: LoggerConfig, facts: Facts, run_id: str) -> Any:
    import wandb

    offline, why = offline_reason(config)
    if not offline:
        try:
            return _init(config, facts, run_id, "online")
        except wandb.errors.Error as error:
            wandb.teardown()
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
    log.info("W&B: offline (%s); `wandb sync %s` uploads this run", why, facts.folder / "wandb")
    shutil.rmtree(facts.folder / "wandb" / _STAGING, ignore_errors=True)  # of the file that this one replaces
    return _init(config, facts, run_id, "offline")


def _init(config: LoggerConfig, facts: Facts, run_id: str, mode: Literal["online", "offline"]) -> Any:
    import wandb

    offline = mode == "offline"
    return wandb.init(
        id=run_id,
        resume=None if offline else "allow",
        reinit="create_new",  # never a run that someone else has begun in this process
        name=facts.name,
        project=config.project,
        entity=config.entity,
        group=facts.group,
        job_type=facts.stage,
        tags=list(facts.tags),
        notes=config.notes,
        dir=facts.folder.resolve(),  # W&B writes from a process of its own, which may have another working folder
        mode=mode,
        config=facts.config,
        settings=wandb.Settings(
            console="off",
            silent=True,
            init_timeout=30,
            x_disable_stats=offline,
            x_disable_meta=True,  # command line and paths, as they are: the config has them without secrets
            x_save_requirements=False,
            disable_git=True,
        ),
    )


def offline_reason(config: LoggerConfig) -> tuple[bool, str]:
    """Whether to log offline, and why.

    Raises:
        ConfigError: Online was asked for, and there is no key; W&B would ask for it and wait.
    """
    import wandb

    if config.mode == "offline" or os.environ.get("WANDB_MODE") in ("offline", "dryrun"):
        return True, "as asked"
    settings = wandb.Settings()  # not wandb.setup(): that starts a process which siblings would share
    settings.update_from_system_settings()
    settings.update_from_env_vars(dict(os.environ))
    address = urlparse(settings.base_url)
    host = address.hostname or ""
    if not _logged_in(host):
        if config.mode == "online":
            raise ConfigError([f"logger.mode=online: not logged in at {host}; run `wandb login`, or logger.mode=auto"])
        return True, "not logged in, see `wandb login`"
    if config.mode == "online":
        return False, ""
    try:
        socket.create_connection((host, address.port or 443), timeout=3).close()
    except OSError:
        return True, f"{host} cannot be reached"
    return False, ""


def _logged_in(host: str) -> bool:
    """Whether W&B would find a key, in the two places where it looks: the environment and the netrc file."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    try:
        hosts = netrc(os.environ.get("NETRC")).hosts
    except (OSError, NetrcParseError):
        return False
    return host in hosts or (host in _OWN_HOSTS and not _OWN_HOSTS.isdisjoint(hosts))
