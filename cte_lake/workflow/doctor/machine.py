"""Checks of the machine: Python, packages, programs, disk, memory, network, clock and scheduler."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from cte_lake import __version__
from cte_lake.config import Config
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import last_night
from cte_lake.resources import free_memory
from cte_lake.workflow.schedule import SERVICE, TIMER, night_in


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes
    ----------
    name : str
        What was looked at, in a word or two.
    outcome : {'ok', 'warn', 'fail'}
        'warn': the night runs, but something of it may not; 'fail': it does not run.
    found : str
        What was found.
    remedy : str
        What to do, '' where nothing is to be done.
    """

    name: str
    outcome: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The check in one line."""
        return f"{self.outcome:<5} {self.name:<13} {self.found}{f'; {self.remedy}' if self.remedy else ''}"


#: Oldest Python.
_PYTHON = (3, 11)
#: Extras: what is missing without them, and whether a night needs them.
_EXTRAS = {
    "measure": ("ingest cannot measure frames", True),
    "prepare": ("frames cannot be aligned, nor cosmic rays masked", True),
    "archive": ("the archive cannot be asked", True),
    "s3": ("lakes in buckets cannot be opened", False),
    "cluster": ("work cannot be sent to a batch system", False),
    "iceberg": ("`export --iceberg` makes no tables", False),
    "pandas": ("results do not become pandas tables", False),
}


def python() -> Check:
    """Check Python and the version of cte-lake."""
    found = f"cte-lake {__version__}, Python {platform.python_version()} on {platform.system()}"
    if sys.version_info < _PYTHON:
        wanted = ".".join(map(str, _PYTHON))
        return Check("versions", "fail", found, f"cte-lake needs Python {wanted} or later")
    return Check("versions", "ok", found)


def unmet(extra: str = "") -> list[str]:
    """Return the requirements of the installation, or of one of its extras, that are not met."""
    missing = []
    for text in requires("cte-lake") or ():
        wanted = Requirement(text)
        if wanted.name == "cte-lake" or not _applies(wanted, extra):
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            missing.append(f"{wanted.name} is not installed")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            missing.append(f"{wanted.name} {found} is not {wanted.specifier}")
    return missing


def _applies(wanted: Requirement, extra: str) -> bool:
    marker = wanted.marker
    if not extra:
        return marker is None or marker.evaluate({"extra": ""})
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def packages() -> Check:
    """Check what every installation needs."""
    missing = unmet()
    if missing:
        return Check("packages", "fail", "; ".join(missing), "`pip install --upgrade cte-lake` brings them")
    return Check("packages", "ok", "all that cte-lake needs is installed")


def extras(needs_s3: bool = False) -> Iterator[Check]:
    """Check the extras; those that a night needs are warned of."""
    there: dict[bool, list[str]] = defaultdict(list)
    for extra, (lack, needed) in _EXTRAS.items():
        missing = unmet(extra)
        there[not missing].append(extra)
        if missing and (needed or (extra == "s3" and needs_s3)):
            remedy = f"`pip install 'cte-lake[{extra}]'`"
            yield Check("extras", "warn", f"{lack}: {'; '.join(missing)}", remedy)
    found = f"installed: {', '.join(there[True]) or 'none'}"
    yield Check("extras", "ok", found + (f"; not: {', '.join(there[False])}" if there[False] else ""))


def programs() -> Iterator[Check]:
    """Check the programs of others that the night uses."""
    found = [name for name in ("mail", "sendmail") if shutil.which(name)]
    if found:
        yield Check("mail", "ok", f"the program {found[0]} sends mail")
    else:
        remedy = "install a mail program (mailx), or read `cte-lake status` and the page each morning"
        yield Check("mail", "warn", "there is no program that sends mail", remedy)


_GB = 1e9
#: Free space that a visit does not fit in (the masks of 4 exposures take 2.3 GB), and that is scarce.
_LEAST, _SCARCE = 5 * _GB, 30 * _GB
#: Memory of one exposure's photometry and of one visit's masks.
_MEMORY = 2 * _GB
_PATIENCE = 10.0
#: Differences of clocks: archives and buckets refuse signatures that are off by more than some minutes.
_CLOCK_WARN, _CLOCK_FAIL = 30.0, 300.0


def disk(lake: StoredLake | None, config: Config | None) -> Iterator[Check]:
    """Check the free space of lake, frames and temporary folder, each disk once."""
    folders = {"temporary": Path(tempfile.gettempdir())}
    if lake is not None and not str(lake).startswith("s3://"):
        folders["lake"] = Path(str(lake))
    if config is not None and config.refresh.frames:
        folders["frames"] = Path(config.refresh.frames)
    seen: dict[int, list[str]] = {}
    places: dict[int, Path] = {}
    for name, folder in folders.items():
        if folder.is_dir():
            device = folder.stat().st_dev
            seen.setdefault(device, []).append(name)
            places.setdefault(device, folder)
    for device, names in seen.items():
        yield _space(" and ".join(names), shutil.disk_usage(places[device]).free)


def _space(what: str, free: float) -> Check:
    found = f"{free / _GB:.0f} GB free for {what}"
    if free < _LEAST:
        remedy = "free some: a visit needs up to 5 GB; `cte-lake vacuum` deletes what was superseded"
        return Check("disk", "fail", found, remedy)
    if free < _SCARCE:
        return Check("disk", "warn", found, "a year of visits needs about 30 GB")
    return Check("disk", "ok", found)


def memory(config: Config | None) -> Check:
    """Check the memory that is free against what the workers may take."""
    free, count = free_memory(), 1 if config is None else max(1, config.workers.count)
    if free is None:
        return Check("memory", "ok", "not known on this system")
    room = f"{free / _GB:.0f} GB free for {count} worker{'s' if count > 1 else ''}"
    if free < count * _MEMORY:
        fewer = f"set workers.count to {max(1, int(free / _MEMORY))}" if count > 1 else "close other programs"
        return Check("memory", "warn", room, f"each takes up to 2 GB: {fewer}")
    return Check("memory", "ok", room)


def network(config: Config | None) -> tuple[datetime | None, Check]:
    """Check that the archive answers; its clock comes with the answer."""
    if config is None:
        return None, Check("network", "ok", "not asked: no lake says which archive")
    if not config.refresh.fetch:
        return None, Check("network", "ok", "not asked: refresh.fetch = false")
    url = config.fetch.url
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PATIENCE) as answer:
            stamp = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        # It answers, if only that a HEAD is not for it.
        stamp = error.headers.get("Date")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        remedy = "mend the network, or set refresh.fetch = false for a site without"
        return None, Check("network", "fail", f"{url} does not answer: {reason}", remedy)
    return _moment(stamp), Check("network", "ok", f"{url} answers")


def _moment(stamp: str | None) -> datetime | None:
    try:
        return None if stamp is None else parsedate_to_datetime(stamp).astimezone(UTC)
    except ValueError:
        return None


def clock(lake: StoredLake | None, answer: datetime | None) -> Check:
    """Check the clock against the archive's, else against the record of the last night."""
    now, remedy = datetime.now(UTC), "set it by a time service (chrony, systemd-timesyncd)"
    if answer is not None:
        off = abs((now - answer).total_seconds())
        found = f"{now:%Y-%m-%d %H:%M} UTC, {off:.0f} s off the archive's"
        if off > _CLOCK_WARN:
            return Check("clock", "fail" if off > _CLOCK_FAIL else "warn", found, remedy)
        return Check("clock", "ok", found)
    night = None if lake is None else last_night(lake)
    if night is not None and datetime.fromisoformat(night.started) > now:
        return Check("clock", "fail", f"{now:%Y-%m-%d %H:%M} UTC is before the last night", remedy)
    return Check("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC, compared with no other clock")


def scheduler(lake: StoredLake) -> Check:
    """Check that cron or systemd starts the night of this lake, by a command that is there."""
    remedy = f"`cte-lake init {shlex.quote(str(lake))} --monitor --mail ADDRESS --install` makes an entry"
    settings = night_in(_said("crontab", "-l"), str(lake))
    if settings is not None:
        command = settings.get("CTE_COMMAND")
        if command is not None and shutil.which(command) is None:
            found = f"the crontab of this user starts {command}, which is not there"
            return Check("scheduler", "fail", found, remedy)
        if settings.get("MAILTO") == "":
            found = "the crontab of this user starts the night but mails nobody"
            return Check("scheduler", "warn", found, "write an address after MAILTO=")
        return Check("scheduler", "ok", "the crontab of this user starts the night")
    for scope in ((), ("--user",)):
        if _said("systemctl", *scope, "is-enabled", TIMER).strip() == "enabled":
            if str(lake) in _said("systemctl", *scope, "show", "--property=Environment", SERVICE):
                return Check("scheduler", "ok", f"{TIMER} of systemd starts the night")
            remedy = f"{TIMER} is enabled for another lake; {remedy}"
    return Check("scheduler", "warn", "neither this user's crontab nor systemd starts the night", remedy)


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
