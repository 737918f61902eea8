"""The jobs that run drizzlepac; started by :mod:`cte_lake.pipeline.private`, one process a job."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astropy.io import fits

_WATCH_SECONDS = 2.0
#: File of rules for the keywords of a combination, and the one rule without which it is refused.
_NO_BLENDING = "no_blending.rules"
_RULES = "!VERSION = 1.1\n!INSTRUMENT = WFC3\nROOTNAME\n"
_ALWAYS: dict[str, Any] = {
    "runfile": "",
    "updatewcs": False,
    "preserve": False,
    # In memory AstroDrizzle does not write the masks.
    "in_memory": False,
    "num_cores": 1,
    "context": False,
    "build": False,
    "skysub": True,
    # 'match' falls back to this one anyway and then leaves no MDRIZSKY behind.
    "skymethod": "localmin",
}


def crmask(files: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Run AstroDrizzle up to the cosmic-ray masks.

    Parameters
    ----------
    files : list of str
        FLCs in the working directory; they are edited.
    options : dict
        AstroDrizzle's parameters that are configured.

    Returns
    -------
    dict
        'sky': by file and extension version the sky (MDRIZSKY), electrons per pixel.
    """
    from drizzlepac.astrodrizzle import AstroDrizzle

    AstroDrizzle(
        files,
        # Without an underscore in it drizzlepac cuts the name short.
        output="visit_all",
        # It would remove the masks.
        clean=False,
        driz_separate=True,
        median=True,
        blot=True,
        driz_cr=True,
        driz_cr_corr=False,
        driz_combine=False,
        **_ALWAYS,
        **options,
    )
    return {"sky": {name: _sky(name) for name in files}}


def combine(files: list[str], output: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run AstroDrizzle to a combined image, cosmic rays rejected on the way if there are several exposures.

    Returns
    -------
    dict
        'science' and 'weight': names of the two images.
    """
    from drizzlepac.astrodrizzle import AstroDrizzle

    several = len(files) > 1
    # Nobody reads the keywords of the combination, and blending them fails on a text where most have numbers.
    Path(_NO_BLENDING).write_text(_RULES, encoding="ascii")
    AstroDrizzle(
        files,
        output=output,
        rules_file=_NO_BLENDING,
        clean=True,
        driz_separate=several,
        median=several,
        blot=several,
        driz_cr=several,
        driz_combine=True,
        final_wcs=True,
        **_ALWAYS,
        **options,
    )
    return {"science": f"{output}_drc_sci.fits", "weight": f"{output}_drc_wht.fits"}


def tweakreg(name: str, catalog: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run TweakReg on one exposure against a catalog of RA and Dec; the file's WCS is updated."""
    from drizzlepac.tweakreg import TweakReg

    TweakReg(
        name,
        refcat=catalog,
        refxcol=1,
        refycol=2,
        refxyunits="degrees",
        updatehdr=True,
        wcsname="CROSSCHECK",
        reusename=True,
        headerlet=False,
        attach=False,
        interactive=False,
        see2dplot=False,
        residplot="No plot",
        writecat=False,
        clean=True,
        runfile="tweakreg.log",
        **options,
    )
    return {"wcsname": fits.getval(name, "WCSNAME", ext=("SCI", 1))}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {"crmask": crmask, "combine": combine, "tweakreg": tweakreg}


def _sky(name: str) -> dict[str, float]:
    with fits.open(name) as hdus:
        return {
            str(hdu.ver): float(hdu.header["MDRIZSKY"])
            for hdu in hdus
            if hdu.name == "SCI" and "MDRIZSKY" in hdu.header
        }


def _end_with_parent() -> None:
    """End, and remove the private folder, when the process that started the job is killed."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        shutil.rmtree(Path.cwd(), ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _import_drizzlepac(whole: bool) -> None:
    """Import drizzlepac: whole, or AstroDrizzle and what it uses (2 CPU seconds instead of 6).

    The package's own file imports all its modules, those of scikit-learn, pandas and photutils with them.
    """
    if not whole:
        spec = importlib.util.find_spec("drizzlepac")
        if spec is None:
            raise ModuleNotFoundError("No module named 'drizzlepac'", name="drizzlepac")
        package = importlib.util.module_from_spec(spec)
        sys.modules["drizzlepac"] = package
        package.__dict__["__version__"] = importlib.import_module("drizzlepac.version").__version__
    importlib.import_module("drizzlepac" if whole else "drizzlepac.astrodrizzle")
    # For a line of its log it imports photutils, which takes another second.
    importlib.import_module("drizzlepac.util").__dict__["print_pkg_versions"] = lambda **_: None


def main(arguments: str, result: str) -> None:
    """Read the job's file, do the job, write its result."""
    _end_with_parent()
    started = time.perf_counter()
    stated = json.loads(Path(arguments).read_text(encoding="utf-8"))
    # drizzlepac 3.11 warns of names that photutils, numpy and astropy have changed since.
    warnings.simplefilter("ignore")
    _import_drizzlepac(whole=stated["job"] == "tweakreg")
    imported = time.perf_counter()
    returned = JOBS[stated["job"]](**stated["arguments"])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {
        "seconds": time.perf_counter() - imported,
        "import_seconds": imported - started,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    Path(result).write_text(json.dumps(returned | cost), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
