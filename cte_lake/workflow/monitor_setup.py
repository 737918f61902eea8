"""Sets a monitor up: the lake, its configuration, and the entry by which the night runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cte_lake.errors import ConfigError, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import write_bytes
from cte_lake.workflow.schedule import (
    AT,
    CRON,
    SERVICE,
    TIMER,
    Site,
    cron_text,
    in_crontab,
    service_text,
    timer_text,
)

SCHEDULERS = ("cron", "systemd")
#: Seconds after which a scheduler does not answer.
_PATIENCE = 60.0


@dataclass(frozen=True)
class MonitorSetup:
    """What a site wants; `at` is the local time of day, HH:MM."""

    lake: StoredLake
    frames: Path
    mail: str
    publish: Path | None = None
    fetch: bool = True
    scheduler: str = "cron"
    at: str = AT

    def __post_init__(self) -> None:
        for option, path in (("--frames", self.frames), ("--publish", self.publish)):
            if path is not None and not str(path).isprintable():
                raise UsageError(f"{option} {str(path)!r} cannot stand in the settings; use a plainer path")

    @property
    def site(self) -> Site:
        """What the entry runs."""
        beside = Path(sys.executable).with_name("cte-lake")
        command = beside if beside.is_file() else shutil.which("cte-lake") or beside
        return Site(str(self.lake), str(command), self.mail, at=self.at)

    @property
    def settings(self) -> dict[str, Any]:
        """The section ``refresh`` of the lake's settings."""
        publish = "" if self.publish is None else str(self.publish.absolute())
        return {"frames": str(self.frames.absolute()), "publish": publish, "fetch": self.fetch}


def set_up(asked: MonitorSetup) -> bool:
    """Make the lake where there is none (returns whether), and write what its settings lack of ``refresh``.

    Raises
    ------
    ConfigError
        If the lake's settings say otherwise.
    UsageError
        If what is asked for cannot stand in the entry; nothing is made then.
    """
    # What is wrong with the entry is said before anything is made.
    _ = asked.site
    made = create_lake(asked.lake)
    place = asked.lake.settings_file
    text = place.read_text()
    found = tomllib.loads(text).get("refresh")
    stated = found or {}
    # JSON's strings and truth values are TOML's too.
    values = {key: json.dumps(value, ensure_ascii=False) for key, value in asked.settings.items()}
    for key, value in asked.settings.items():
        if key in stated and stated[key] != value:
            raise ConfigError(
                f"{place} has a section [refresh] with other settings: {key} = {stated[key]!r}, "
                f"not {values[key]}; edit it, or remove it"
            )
    lines = "".join(f"{key} = {value}\n" for key, value in values.items() if key not in stated)
    head = "[refresh]\n"
    if found is None:
        note = "\n# What the night does; `cte-lake config show` has all keys.\n"
        place.write_bytes(f"{text.rstrip(chr(10))}\n{note}{head}{lines}".encode())
    elif lines:
        before, there, after = f"\n{text}".partition(f"\n{head}")
        if not there:
            raise ConfigError(f"{place} sets refresh without a line [refresh]; add {lines.strip()!r}")
        place.write_bytes(f"{before}{there}{lines}{after}"[1:].encode())
    return made


def write_entry(asked: MonitorSetup, folder: Path) -> list[Path]:
    """Write the entry of cron, or the units of systemd, into a folder; returns the files."""
    files = (
        {CRON: cron_text(asked.site)}
        if asked.scheduler == "cron"
        else {SERVICE: service_text(asked.site), TIMER: timer_text(asked.site)}
    )
    for name, text in files.items():
        write_bytes(folder / name, text.encode())
    return [folder / name for name in files]


def install_entry(asked: MonitorSetup) -> str:
    """Put the entry where the scheduler takes it from, for this user; an older one of the lake is replaced.

    Raises
    ------
    UsageError
        If the scheduler is not there or refuses.
    """
    if asked.scheduler == "cron":
        current = _run(("crontab", "-l"), none=r"no f?crontab|can't open|no such file")
        _run(("crontab", "-"), in_crontab(current, asked.site))
        return "the crontab of this user has the entry"
    units = Path("~/.config/systemd/user").expanduser()
    service, entry = units / SERVICE, service_text(asked.site)
    environment = re.compile(r"^Environment=.*CTE_LAKE_LAKE=.*$", re.MULTILINE)
    if service.is_file() and environment.findall(service.read_text()) != environment.findall(entry):
        raise UsageError(f"{service} runs the night of another lake; use cron for this one, or remove it")
    units.mkdir(parents=True, exist_ok=True)
    write_entry(asked, units)
    _run(("systemctl", "--user", "daemon-reload"))
    _run(("systemctl", "--user", "enable", "--now", TIMER))
    return f"{TIMER} of this user is enabled; `loginctl enable-linger` lets it run while nobody is logged in"


def _run(command: tuple[str, ...], given: str = "", none: str = "") -> str:
    """Return what a command prints, '' where it fails and what it says matches `none`."""
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"there is no {command[0]} on this machine; leave --install out and use another scheduler"
        )
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, encoding="utf-8", errors="surrogateescape",
            check=False, timeout=_PATIENCE, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{' '.join(command)} does not answer: {error}") from error
    if done.returncode and not (none and re.search(none, done.stderr, re.IGNORECASE)):
        raise UsageError(f"{' '.join(command)} refuses: {done.stderr.strip() or done.returncode}")
    return "" if done.returncode else done.stdout
