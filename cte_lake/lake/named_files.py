"""Which photometry file an exposure row names, and whether the row lies where its content belongs.

A row of before 2026 names no file; it follows from the row's place and key, or, where `compact` has made
one of several, from what the compacted files say.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import pyarrow as pa

from cte_lake.errors import LakeError
from cte_lake.lake.contents import contents_of
from cte_lake.lake.store import Place

#: How the name of a file begins that `compact` made of several.
COMPACTED = "compact."
#: Beginning of a photometry key whose rows lie in a compacted file. Zeros: at equal revisions a fresh
#: measurement, whose key is greater, wins over the row that `compact` wrote.
COMPACTED_KEY = "00000000"
_KEYS = ("target", "proposal", "flash", "filetype")
#: The partition of a row, as SQL of its columns.
_FOLDER = " || ".join(f"'{'phot' if key == 'target' else ''}/{key}=' || {key}" for key in _KEYS) + " || '/'"
_FILE = (
    f"CASE WHEN starts_with(phot_key, '{COMPACTED_KEY}') THEN NULL"
    f" ELSE {_FOLDER} || rootname || '_' || filetype || '.' || phot_key || '.parquet' END"
)


def is_compacted(path: str) -> bool:
    """Whether a file of the lake, by its name, is one that `compact` made of several."""
    return PurePosixPath(path).name.startswith(COMPACTED)


def naming(source: str) -> str:
    """Return SQL that reads exposure rows of `source` with the file that each names."""
    return f"(SELECT * REPLACE (coalesce(phot_file, {_FILE}) AS phot_file) FROM {source})"


def in_place(source: str) -> str:
    """Return SQL that reads those exposure rows of `source` that lie where their content belongs."""
    return f"(FROM {naming(source)} WHERE phot_file IS NULL OR starts_with(phot_file, {_FOLDER}))"


def of_own_name(source: str) -> str:
    """Return SQL that reads the rows of master catalogs in files of their own name: no copies."""
    return f"(FROM {source} WHERE ends_with(file, printf('/%s.r%04d.parquet', master_hash, revision)))"


def are_in_place(rows: pa.Table) -> list[bool]:
    """Return for each exposure row whether it lies in the partition that its photometry's name states."""
    # In Python: pyarrow's own functions take a third of the time of opening a lake to import.
    files = rows.column("phot_file").to_pylist()
    keys = list(zip(*(rows.column(key).to_pylist() for key in _KEYS), strict=True))
    folders = {values: _folder(values) for values in set(keys)}
    return [
        file is None or file.startswith(folders[values]) for file, values in zip(files, keys, strict=True)
    ]


def _folder(values: tuple[object, ...]) -> str:
    return "phot" + "".join(f"/{key}={value}" for key, value in zip(_KEYS, values, strict=True)) + "/"


def with_compacted(root: Place, rows: pa.Table) -> pa.Table:
    """Return exposure rows with the compacted files that rows of before 2026 mean."""
    names = rows.column("phot_file")
    if not names.null_count:
        return rows
    index: dict[tuple[str, str], str] = {}
    for listed in sorted(root.listing("phot", ".parquet")):
        if PurePosixPath(listed.path).name.startswith(COMPACTED):
            try:
                index |= {(c.imagename, c.phot_key): listed.path for c in contents_of(root / listed.path)}
            except LakeError:
                # `verify` names it; its images have no photometry until then.
                continue
    keys = zip(rows.column("imagename").to_pylist(), rows.column("phot_key").to_pylist(), strict=True)
    filled = [name or index.get(key) for name, key in zip(names.to_pylist(), keys, strict=True)]
    at = rows.column_names.index("phot_file")
    return rows.set_column(at, rows.schema.field("phot_file"), pa.array(filled, pa.string()))
