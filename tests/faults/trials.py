"""Every command that writes, with work to do, and what is looked at in what it leaves."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.feather as feather
import pyarrow.parquet as pq

from benchmarks.simulated_photometry import fill_lake
from cte_lake import open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance.snapshots import plan_snapshot, snapshot
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.alignment_rows import read_cards
from tests.conftest import new_lake
from tests.faults.warm import Warm
from tests.lake.conftest import Lakes, age, as_of_old, as_revision

#: Enough for a fit.
STARS = 300
_FIT = "fit --target ngc104 --length l --flash 0 --filetype flt --name set"


#: What tells the time of a run, and what holds no data.
_TIMES = re.compile(r"\d{8}T\d{6}Z(-\d+)?|\.\d+-[0-9a-z_]+(?=/)")
_NO_DATA = re.compile(r"(^|/)(logs|\.cache)/|\.html$|\.svg$|\.json$|\.duckdb$|/data/.*\.(toml|tex|ecsv)$")
_DATED = re.compile(rb'(?m)^(date|# *date|#   date:|.*"at":).*$|^# checksum of the lines above.*$')


def state(place: Path) -> dict[str, object]:
    """Every file below a place with its content, as far as it does not tell the time of a run."""
    found: dict[str, object] = {}
    left = {Path(name).name for name in left_behind(place)}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_dir() or path.name in left or re.search(r"(^|/)(logs|\.cache)/", name):
            continue
        key = _TIMES.sub("TIME", name)
        if path.is_symlink() or "reports/" in name or "www/" in name or _NO_DATA.search(name):
            found[key] = "there"
        elif path.suffix == ".parquet":
            found[key] = pq.read_table(path, partitioning=None)
        elif path.suffix == ".feather":
            found[key] = feather.read_table(path, memory_map=False)
        elif path.name.endswith(".hlet.fits"):
            found[key] = read_cards(path.read_bytes())
        else:
            found[key] = _DATED.sub(b"", path.read_bytes())
    return found


#: Of a file's name, such as a headerlet's.
_REVISION = re.compile(r"\.r\d{4,}(?=\.)")


def _rank(row: dict[str, Any]) -> tuple[int, str]:
    return row["revision"], row.get("key") or row.get("phot_key") or row["master_hash"]


def current_state(place: Path) -> dict[str, object]:
    """What readers of a lake count, whatever revisions and files it took."""
    root = place / "lake"
    newest: dict[tuple[str, ...], dict[str, Any]] = {}
    for name in ("exposures", "alignment", "crmasks", "master"):
        for path in (root / name).rglob("*.parquet"):
            for row in pq.read_table(path, partitioning=None).to_pylist():
                key = (name, str(row.get("imagename") or row.get("rootname") or path.parent.name))
                if name == "master":
                    key = (*key, str(row["master_id"]))
                if key not in newest or _rank(row) > _rank(newest[key]):
                    newest[key] = row
    return {
        "/".join(key): {
            k: _REVISION.sub("", v) if isinstance(v, str) else v
            for k, v in row.items()
            if k != "revision" and not k.endswith("file")
        }
        for key, row in newest.items()
    }


def left_behind(place: Path) -> list[str]:
    """What a command that ended has no use for: temporary files and folders."""
    return sorted(
        str(path.relative_to(place))
        for path in place.rglob("*")
        if (path.name.startswith(".") and path.name != ".cache") or ".part" in path.suffixes
    )


#: What `fetch` keeps on purpose: the next one goes on from there.
_RESUMED = re.compile(r"^data/\d+/[a-z0-9]+_fl[tc]\.fits\.part(\.json)?$")


def forgotten(place: Path) -> list[str]:
    """What a command that was stopped has no use for, and leaves nevertheless."""
    return [name for name in left_behind(place) if not _RESUMED.search(name)]


def temporary_left(place: Path) -> list[Path]:
    """What the commands of a place left in their temporary folder.

    Python tries whether it can write there by a file of its own; one that ends in its midst leaves it.
    """
    return [
        path
        for path in place.with_name(f"{place.name}.tmp").iterdir()
        if not (path.is_file() and len(path.name) == 8 and path.read_bytes() in {b"", b"blat"})
    ]


def moments(*what: object) -> random.Random:
    """Draws for what is tried, the same in every run; `FAULT_SEED=2` and on draw others."""
    return random.Random(" ".join([*map(str, what), *os.environ.get("FAULT_SEED", "").split()]))


@dataclass(frozen=True)
class Trial:
    """A command line; `{place}`, `{lake}`, `{frames}`, `{master}` and `{url}` are put in.

    Attributes
    ----------
    words : str
        The command.
    ground : str
        What it finds, one of `GROUNDS`.
    other : str
        The same command with other settings.
    codes : tuple of int
        Exit codes of the second run: 0, or 4 where the first one had come to its end.
    view : callable
        What of the place must be as if nothing had happened.
    """

    words: str
    ground: str = "measured"
    other: str = ""
    codes: tuple[int, ...] = (0, 4)
    view: Callable[[Path], dict[str, object]] = state


TRIALS = {
    "init": Trial("init {place}/new"),
    "import": Trial(
        "master import {master} --target ngc6791 --lake {lake}",
        other="master import {other} --target ngc6791 --lake {lake}",
    ),
    "merge": Trial("master merge {master} --target ngc104 --lake {lake}", ground="fewer"),
    "build": Trial("master build {frames} --target ngc104 --lake {lake}", ground="few"),
    "align": Trial(
        "align {frames} --lake {lake} --workers 0",
        ground="empty",
        other="align {frames} --lake {lake} --workers 0 --set align.gate.min_matches=12",
    ),
    "crmask": Trial(
        "crmask {frames} --lake {lake} --workers 0 --no-progress",
        ground="empty",
        other="crmask {frames} --lake {lake} --workers 0 --set crmask.grow=2",
    ),
    "ingest": Trial(
        "ingest {frames} --lake {lake} --workers 0",
        ground="empty",
        other="ingest {frames} --lake {lake} --workers 0 --set photometry.edge_margin=9",
    ),
    "rebuild": Trial("rebuild --lake {lake} --workers 0 --yes", ground="ingested", view=current_state),
    "compact": Trial(
        "compact --lake {lake} --min-files 2 --phot-below 5", other="compact --lake {lake} --min-files 2"
    ),
    "vacuum": Trial("vacuum --lake {lake} --grace 1d --yes", ground="superseded"),
    "snapshot": Trial("snapshot {place}/snap --lake {lake}", codes=(0, 2)),
    "snapshot-copy": Trial("snapshot {place}/snap --lake {lake} --copy", codes=(0, 2)),
    "restore": Trial("restore {place}/saved --lake {lake} --yes", ground="saved"),
    "restore-anew": Trial("restore {place}/saved --lake {place}/anew --yes --copy", ground="saved"),
    "upgrade": Trial("schema upgrade --lake {lake}", ground="old"),
    "fit": Trial(f"{_FIT} --lake {{lake}} --overwrite", other=f"{_FIT}2 --lake {{lake}} --overwrite"),
    "report": Trial("report --lake {lake} --publish {place}/www"),
    "fetch": Trial("fetch --proposal 14378 --to {place}/data --lake {lake} --set fetch.url={url}"),
    "correct": Trial(
        "correct {place}/stars.csv -c simulated_demo_flt_r3 -o {place}/out.parquet --overwrite --radius 3"
    ),
    "views": Trial("views --to {place}/views.duckdb --lake {lake} --overwrite"),
    "export": Trial("coeffs export simulated_demo_flt_r3 -o {place}/out.ecsv --format ecsv"),
}


def file_names(place: Path) -> dict[str, object]:
    """Which files there are, where their content tells the time of a run."""
    # What a look at the lake keeps is none of the command's.
    found = (path for path in place.rglob("*") if ".cache" not in path.parts)
    return {_TIMES.sub("TIME", str(path.relative_to(place))): path.is_dir() for path in found}


def iceberg_rows(place: Path) -> dict[str, object]:
    """What the tables of an Iceberg catalog hold; their files have other names each time."""
    from pyiceberg.catalog.sql import SqlCatalog

    folder = place / "ice"
    options = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}"}
    catalog = SqlCatalog("cte_lake", **options)
    names = [name for space in catalog.list_namespaces() for name in catalog.list_tables(space)]
    return {".".join(name): catalog.load_table(name).scan().to_arrow().num_rows for name in names}


def kept_chips(place: Path) -> dict[str, object]:
    """Each chip's losses as readers see them, whenever they were solved."""
    with open_lake(place / "lake") as lake:
        return {"chips": lake.sql("SELECT * EXCLUDE (solved_at) FROM chips ORDER BY ALL").rows()}


#: What writes besides, and is killed in campaigns alone (`KILLS=2` and more).
WRITERS = {
    "fill": Trial("schema fill --lake {lake} --workers 0", ground="unfilled"),
    "coeffs-new": Trial(
        "coeffs new mine --values 1,2,3,4,5,6,7,8,9 --source none --flux 500-32000 "
        "--dates 2009-10-01..2016-09-30 --filetype flt -o {place}/out.toml --overwrite"
    ),
    "chips-keep": Trial("chips --target ngc104 --filetype flt --keep --lake {lake}", view=kept_chips),
    "night": Trial(
        "refresh --lake {lake} --step ingest{_}{frames}{_}--workers{_}0 --step vacuum{_}--yes --step status",
        ground="empty",
    ),
    "iceberg": Trial("export losses --iceberg {place}/ice --lake {lake} --overwrite", view=iceberg_rows),
    "iceberg-phot": Trial("export phot --iceberg {place}/ice --lake {lake} --overwrite", view=iceberg_rows),
    "plots": Trial("plot all --target ngc104 --lake {lake} -o {place}/figures", view=file_names),
    "plot": Trial("plot cte-time --target ngc104 --lake {lake} -o {place}/out.pdf --data {place}/out.csv"),
    "export-view": Trial("export phot --lake {lake} --to {place}/out.csv --overwrite"),
}


def empty(place: Path, visit, warm: Warm) -> None:
    """A lake with a catalog alone."""
    new_lake(place / "lake", visit)


def fewer(place: Path, visit, warm: Warm) -> None:
    """A lake whose catalog lacks stars."""
    _with_catalog(place, visit, warm, "other.cat")


def few(place: Path, visit, warm: Warm) -> None:
    """A lake whose catalog has hardly a star."""
    _with_catalog(place, visit, warm, "few.cat")


def _with_catalog(place: Path, visit, warm: Warm, name: str) -> None:
    create_lake(stored(place / "lake"))
    warm.run("master", "import", place.parents[1] / name, "--target", visit.target, "--lake", place / "lake")


def measured(place: Path, visit, warm: Warm) -> None:
    """Photometry of two visits."""
    create_lake(stored(place / "lake"))
    lakes = Lakes(STARS)
    for mjd in (57601.0, 55500.0):
        fill_lake(stored(place / "lake"), lakes.images(mjd=mjd), lakes.stars)
    age(place / "lake")


def superseded(place: Path, visit, warm: Warm) -> None:
    """Every image measured seven times: of each kind of file six for every image are for vacuum."""
    measured(place, visit, warm)
    lakes = Lakes(STARS)
    for revision in range(2, 8):
        fill_lake(stored(place / "lake"), [as_revision(i, revision) for i in lakes.images()], lakes.stars)
        age(place / "lake", 3)


def saved(place: Path, visit, warm: Warm) -> None:
    """A lake and its snapshot, and everything measured otherwise since."""
    measured(place, visit, warm)
    with (place / "lake" / "cte_lake.toml").open("a") as settings:
        settings.write("photometry.edge_margin = 7\n")
    snapshot(
        stored(place / "lake"), stored(place / "saved"), plan_snapshot(stored(place / "lake")), copy=True
    )
    fill_lake(stored(place / "lake"), [as_revision(image, 2) for image in Lakes(STARS).images()])


def old(place: Path, visit, warm: Warm) -> None:
    """A lake of before the rows named their photometry."""
    measured(place, visit, warm)
    as_of_old(place / "lake")


def ingested(place: Path, visit, warm: Warm) -> None:
    """Frames measured with another margin."""
    empty(place, visit, warm)
    frames = visit.frames[0].parent
    line = ("ingest", frames, "--lake", place / "lake", "--workers", 0)
    warm.run(*line, "--set", "photometry.edge_margin=9")


def unfilled(place: Path, visit, warm: Warm) -> None:
    """Frames measured before the configuration named a keyword more."""
    empty(place, visit, warm)
    warm.run("ingest", visit.frames[0].parent, "--lake", place / "lake", "--workers", 0)
    with (place / "lake" / "cte_lake.toml").open("a") as settings:
        settings.write('[exposures.added.taken]\nkeyword = "DATE-OBS"\ntype = "string"\n')
        settings.write('description = "Day of the exposure"\n')


GROUNDS: dict[str, Callable[[Path, Any, Warm], None]] = {
    each.__name__: each for each in (empty, fewer, few, measured, superseded, saved, old, ingested, unfilled)
}


def fresh(source: Path, to: Path) -> Path:
    """A copy of a ground, times and links kept."""
    return Path(shutil.copytree(source, to, symlinks=True))


def other(trial: Trial) -> Trial:
    """The same command with its other settings."""
    return replace(trial, words=trial.other)


@dataclass
class Field:
    """Where trials are held: frames, catalogs, an archive, and the lakes that trials begin with."""

    warm: Warm
    folder: Path
    visit: Any
    url: str
    grounds: dict[str, Path] = field(default_factory=dict)
    wholes: dict[str, tuple[Path, float, float]] = field(default_factory=dict)

    def ground(self, name):
        """The place that a trial begins with; made once."""
        if name not in self.grounds:
            place = self.folder / "grounds" / name
            place.mkdir(parents=True)
            shutil.copy(self.folder / "stars.csv", place)
            GROUNDS[name](place, self.visit, self.warm)
            self.grounds[name] = place
        return self.grounds[name]

    def place(self, trial, name):
        """A copy of a trial's ground, with a folder for temporary files beside it."""
        place = fresh(self.ground(trial.ground), self.folder / name)
        (place.parent / f"{name}.tmp").mkdir()
        return place

    def line(self, trial, place):
        places = {
            "place": place, "lake": place / "lake", "frames": self.visit.frames[0].parent,
            "master": self.visit.master, "other": self.folder / "other.cat", "url": self.url,
            "frame": self.visit.frames[0], "_": " ",
        }  # fmt: skip
        return [word.format(**places) for word in trial.words.split()]

    def start(self, trial, place, scarce=None):
        """Start a trial's command in a place, perhaps where something is scarce."""
        temporary = place.with_name(f"{place.name}.tmp")
        return self.warm.start(*self.line(trial, place), temporary=temporary, scarce=scarce)

    def run(self, trial, place):
        """Run a trial's command once more."""
        temporary = place.with_name(f"{place.name}.tmp")
        self.warm.run(*self.line(trial, place), codes=trial.codes, temporary=temporary)

    def whole(self, name):
        """A place in which the command was not disturbed, and the seconds to its first write and its end."""
        if name not in self.wholes:
            trial = {**TRIALS, **WRITERS}[name]
            place = self.place(trial, f"{name}-whole")
            run = self.start(trial, place)
            first, seconds = watched(run, place)
            assert run.code == 0, run.said
            self.wholes[name] = (place, first, seconds)
        return self.wholes[name]


def watched(run, place):
    """Wait for a run; the seconds after which it first changed something, and after which it ended."""
    began, before, first = time.monotonic(), names(place), None
    while first is None and run.poll() is None:
        if names(place) != before:
            first = time.monotonic() - began
        time.sleep(0.005)
    run.wait()
    seconds = time.monotonic() - began
    return (0.5 * seconds if first is None else first), seconds


def names(place):
    """Files with their times, but for locks and what is derived; a command may be at work meanwhile."""
    found = set()
    for folder, folders, files in os.walk(place):
        folders[:] = set(folders) - {"logs", ".cache"}
        for path in (Path(folder, name) for name in files):
            with contextlib.suppress(FileNotFoundError):
                found.add((str(path), path.lstat().st_mtime_ns))
    return found


def changes(place, before):
    """Return what tells whether a place's `names` are others than before."""
    return lambda: names(place) != before


def equal(found, wanted):
    """Two states are one; says which files are not."""
    assert found.keys() ^ wanted.keys() == set()
    assert [name for name in found if found[name] != wanted[name]] == []


def sound(place):
    """Nothing harmful is found in any lake of a place."""
    for settings in place.glob("*/cte_lake.toml"):
        found = verify(stored(settings.parent))
        assert found.passed, found.findings
