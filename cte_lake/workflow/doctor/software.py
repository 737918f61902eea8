"""Checks of Python, packages and programs."""

from __future__ import annotations

import platform
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from cte_lake import __version__
from cte_lake.workflow.doctor.check import Check

#: Oldest Python.
_PYTHON = (3, 11)
#: Extras: what is missing without them, and whether a night needs them.
_EXTRAS = {
    "measure": ("ingest cannot measure frames", True),
    "prepare": ("frames cannot be aligned and cosmic rays not masked", True),
    "archive": ("the archive cannot be asked", True),
    "s3": ("lakes in buckets cannot be opened", False),
    "cluster": ("no work on a batch system", False),
    "iceberg": ("`export --iceberg` makes no tables", False),
    "pandas": ("no tables of pandas", False),
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
