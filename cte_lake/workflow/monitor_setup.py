"""Sets a monitor up: the lake, its configuration, and the entry by which the night runs."""

from __future__ import annotations

import json
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


@dataclass(frozen=True)
class MonitorSetup:
    """What a site wants.

    Attributes
    ----------
    lake : StoredLake
        The lake; it is made where there is none.
    frames : Path
        Folder of the frames.
    mail : str
        Address that mail goes to.
    publish : Path or None
        Folder that a web server serves.
    fetch : bool
        Whether the archive is asked.
    scheduler : {'cron', 'systemd'}
        What starts the night.
    at : str
        Time of day, 'HH:MM', local.
    """

    lake: StoredLake
    frames: Path
    mail: str
    publish: Path | None = None
    fetch: bool = True
    scheduler: str = "cron"
    at: str = "02:17"

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
    """Make the lake where there is none, and write the section ``refresh`` of its settings.

    Returns
    -------
    bool
        Whether a lake was made.

    Raises
    ------
    ConfigError
        If the lake's settings have another such section.
    """
    made = create_lake(asked.lake)
    place = asked.lake.settings_file
    text = place.read_text()
    found = tomllib.loads(text).get("refresh")
    if found is None:
        # JSON's strings and truth values are TOML's too.
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in asked.settings.items()]
        section = "\n".join(
            ("", "# What the night does; `cte-lake config show` has all keys.", "[refresh]", *lines, "")
        )
        place.write_bytes((text.rstrip("\n") + "\n" + section).encode())
    elif {key: found.get(key) for key in asked.settings} != asked.settings:
        raise ConfigError(f"{place} has a section [refresh] with other settings; edit it, or remove it")
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

    Returns
    -------
    str
        What was done.

    Raises
    ------
    UsageError
        If the scheduler is not there or refuses.
    """
    if asked.scheduler == "cron":
        current = _run(("crontab", "-l"), may_fail=True)
        _run(("crontab", "-"), in_crontab(current, asked.site))
        return "the crontab of this user has the entry"
    units = Path("~/.config/systemd/user").expanduser()
    units.mkdir(parents=True, exist_ok=True)
    write_entry(asked, units)
    _run(("systemctl", "--user", "daemon-reload"))
    _run(("systemctl", "--user", "enable", "--now", TIMER))
    return f"{TIMER} of this user is enabled; `loginctl enable-linger` lets it run while nobody is logged in"


def _run(command: tuple[str, ...], given: str = "", may_fail: bool = False) -> str:
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"there is no {command[0]} on this machine; leave --install out and use another scheduler"
        )
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode and not may_fail:
        raise UsageError(f"{' '.join(command)} refuses: {done.stderr.strip() or done.returncode}")
    return "" if done.returncode else done.stdout
