"""Checks of a lake, its configuration, and the folders of its monitor."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cte_lake import clock
from cte_lake.config import Config, Settings, load_settings
from cte_lake.errors import CteLakeError
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import last_night
from cte_lake.report.publish import check_place
from cte_lake.workflow.doctor.machine import Check

#: Age of the last night, days, from which on one was left out.
_LATE = 1.5


def lake_is_written(lake: StoredLake) -> Check:
    """Check that the lake is there, of a version that is known, and can be written."""
    try:
        version = lake.check_version()
        probe = lake / "logs" / f".doctor-{secrets.token_hex(4)}"
        probe.write_bytes(b"doctor")
        probe.unlink()
    except (OSError, CteLakeError) as error:
        remedy = "make it writable for this user, or run the night as its owner"
        return Check("lake", "fail", f"{lake}: {error}", remedy)
    return Check("lake", "ok", f"{lake} is of version {version} and can be written")


def configuration(lake: StoredLake) -> tuple[Settings | None, Check]:
    """Check the lake's settings."""
    try:
        settings = load_settings(lake)
    except CteLakeError as error:
        return None, Check("settings", "fail", str(error), f"edit {lake.settings_file}")
    own = sum(setting.origin != "default" for setting in settings)
    return settings, Check("settings", "ok", f"{own} differ from the defaults")


def folders(config: Config) -> Iterator[Check]:
    """Check that the frames can be read, new ones be put beside them, and the report be published."""
    asked = (
        ("frames", config.refresh.frames, config.refresh.fetch),
        ("publish", config.refresh.publish, True),
    )
    for name, text, written in asked:
        if not text:
            if name == "frames":
                remedy = "`refresh` needs --frames; or set refresh.frames"
                yield Check(name, "warn", "no folder of frames is configured", remedy)
            continue
        # What is published replaces its folder in one step, beside it.
        folder = Path(text) if name == "frames" else Path(text).absolute().parent
        if not folder.is_dir():
            yield Check(name, "fail", f"{folder} is not a folder", f"make it, or set refresh.{name}")
            continue
        try:
            next(folder.iterdir(), None)
            if written:
                # Rights alone do not tell of a disk that is mounted for reading.
                tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder).cleanup()
            if name == "publish":
                check_place(Path(text))
        except OSError as error:
            what = f"{'read and written' if written else 'read'} by this user: {error.strerror}"
            yield Check(name, "fail", f"{folder} cannot be {what}", "change its permissions")
        except CteLakeError as error:
            yield Check(name, "fail", str(error), f"set refresh.{name}")
        else:
            yield Check(name, "ok", text)


def last_job(lake: StoredLake) -> Check:
    """Check that the last night was last night, and went well."""
    night = last_night(lake)
    if night is None:
        return Check("last night", "ok", "none yet")
    age = (clock.now() - datetime.fromisoformat(night.started)).total_seconds() / 86400.0
    if age > _LATE:
        found = f"{night.text}: {age:.0f} days ago"
        return Check("last night", "warn", found, "look at the scheduler and at its mail")
    if night.failed:
        return Check("last night", "warn", night.text, "`cte-lake status` says why")
    return Check("last night", "ok", night.text)
