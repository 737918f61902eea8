"""Checks of disk, memory, network, clock and scheduler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from cte_lake.config import Config
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import last_night
from cte_lake.resources import free_memory
from cte_lake.workflow.doctor.check import Check
from cte_lake.workflow.schedule import BEGIN, TIMER

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
    """Check that cron or systemd starts the night."""
    crontab = _said("crontab", "-l")
    if BEGIN.format(lake=lake) in crontab or re.search(r"^[^#\n]*cte.lake\S* refresh", crontab, re.MULTILINE):
        return Check("scheduler", "ok", "the crontab of this user starts the night")
    for scope in ((), ("--user",)):
        if _said("systemctl", *scope, "is-enabled", TIMER).strip() == "enabled":
            return Check("scheduler", "ok", f"{TIMER} of systemd starts the night")
    remedy = f"`cte-lake init {lake} --monitor --mail ADDRESS --install` makes an entry"
    return Check("scheduler", "warn", "neither this user's crontab nor systemd starts the night", remedy)


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
