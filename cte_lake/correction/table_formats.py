"""Formats of table files: known by content, by ending, or by name."""

from __future__ import annotations

import re
from pathlib import Path

from cte_lake.correction.text_header import decode
from cte_lake.correction.text_source import START, compressed_outside, first_bytes
from cte_lake.errors import UsageError

#: Ending: format.
ENDINGS = {
    ".parquet": "parquet", ".pq": "parquet", ".feather": "feather", ".arrow": "feather", ".ipc": "feather",
    ".arrows": "feather",
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "text", ".dat": "text", ".cat": "text",
    ".asc": "text",    ".fits": "fits", ".fit": "fits", ".fts": "fits",
    ".vot": "votable", ".votable": "votable", ".xml": "votable",
    ".ecsv": "ecsv",
}  # fmt: skip
#: Endings of compressed files; Parquet and Feather are compressed inside.
COMPRESSIONS = (".gz", ".bz2", ".xz")
#: Formats of text that are read in parts: the delimiter, None where the file shows it.
TEXTS: dict[str, str | None] = {"csv": None, "tsv": "\t", "text": None, "dolphot": " ", "hst1pass": " "}
#: Formats that are read and written in parts.
BATCHED = ("parquet", "feather", "csv", "tsv", "text")
#: Formats that can be written.
WRITABLE = ("parquet", "feather", "csv", "tsv", "text", "fits", "votable", "ecsv")
#: First bytes of an Arrow stream, which has no directory at its end as Feather has.
ARROW_STREAM = b"\xff\xff\xff\xff"
#: First bytes of the formats that are read and are no text.
_MAGIC = {b"PAR1": "parquet", b"ARROW1": "feather", ARROW_STREAM: "feather", b"SIMPLE  =": "fits"}
#: Names by which people call them.
_ALIASES = {
    "vot": "votable", "arrow": "feather", "ipc": "feather", "txt": "text", "dat": "text", "ascii": "text",
    "pq": "parquet", "ascii.ecsv": "ecsv", "ascii.csv": "csv", "ascii.tab": "tsv",
}  # fmt: skip


def named_format(name: str) -> str:
    """Return a format of a name; one of astropy's as it is (``ascii.mrt``, ``hdf5``).

    Raises
    ------
    UsageError
        If there is none of the name.
    """
    plain = name.lower()
    plain = _ALIASES.get(plain, plain)
    if plain in (*WRITABLE, *TEXTS, "hdf5", "pandas.html") or _is_of_astropy(plain):
        return plain
    raise UsageError(
        f"format {name!r} is not known; it is one of {', '.join(sorted({*WRITABLE, *TEXTS}))}, or one of "
        "astropy's text formats such as ascii.mrt"
    )


def _is_of_astropy(name: str) -> bool:
    from astropy.io.ascii.core import FORMAT_CLASSES

    return name.startswith("ascii.") and name.removeprefix("ascii.") in FORMAT_CLASSES


def ending_of(path: Path) -> str:
    """Return a table file's ending, that of its compression included; empty if it is none of the known."""
    name = path.name.lower()
    packed = next((ending for ending in COMPRESSIONS if name.endswith(ending)), "")
    bare = name[: len(name) - len(packed)]
    for ending in ENDINGS:
        if bare.endswith(ending) and bare != ending:
            return ending + packed
    return ""


def format_of(path: Path) -> str:
    """Return the format of a file to write, by its ending.

    Raises
    ------
    UsageError
        If the ending is none of the known.
    """
    ending = ending_of(path)
    if not ending:
        raise UsageError(
            f"{path}: unknown ending; a table is one of {', '.join(sorted(ENDINGS))}, or name the format"
        )
    return ENDINGS[_without_compression(ending)]


def compression_of(path: Path) -> str:
    """Return the ending of a file's compression; empty for none."""
    return next((ending for ending in COMPRESSIONS if path.name.lower().endswith(ending)), "")


def _without_compression(ending: str) -> str:
    return next((ending.removesuffix(packed) for packed in COMPRESSIONS if ending.endswith(packed)), ending)


def sniffed_format(path: Path) -> str:
    """Return the format of a file to read: by its first bytes, which are believed before its ending.

    Raises
    ------
    CatalogError
        If the file cannot be read.
    UsageError
        If it is of a format that is not read.
    """
    head = first_bytes(path)
    for magic, known in _MAGIC.items():
        if head.startswith(magic):
            if known in _PACKED_INSIDE and compressed_outside(path):
                raise UsageError(f"{path} is {known}, compressed once more from outside; unpack it")
            return known
    for (place, magic), kind in _FOREIGN.items():
        if head[place:].startswith(magic):
            raise UsageError(f"{path} is {kind}, which is not read; export or unpack it as {_READ}")
    text = decode(head[:START]).lstrip()
    if text.startswith("# %ECSV"):
        return "ecsv"
    if text.startswith(("<?xml", "<VOTABLE")) or "<VOTABLE" in text[:2000]:
        return "votable"
    if text.startswith("#K IRAF"):
        return "ascii.daophot"
    if _JSON.match(text):
        raise UsageError(f"{path} is a JSON file, which is not read; export it as {_READ}")
    if text[:15].lower().startswith(("<html", "<!doctype html", "<head>", "<body", "<table")):
        raise UsageError(f"{path} is a web page, which is not read; save its table as {_READ}")
    if ruled := _ruled_format(text):
        return ruled
    known = ENDINGS.get(_without_compression(ending_of(path)), "text")
    return known if known in TEXTS else "text"


def _ruled_format(text: str) -> str | None:
    """Return astropy's name of a text format whose columns are ruled: IPAC, machine-readable, fixed width."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("\\")][:3]
    if any("Byte-by-byte Description of file" in line for line in text.splitlines()[:60]):
        return "ascii.mrt"
    if len(lines) < 2:
        return None
    if all(line.startswith("|") and line.endswith("|") for line in lines[:2]):
        types = {word.strip().lower() for word in lines[1].strip("|").split("|")}
        return "ascii.ipac" if types <= _IPAC_TYPES else "ascii.fixed_width"
    if re.fullmatch(r"=+( +=+)+", lines[0]):
        return "ascii.rst"
    if re.fullmatch(r"[-=]+( +[-=]+)+", lines[1]):
        return "ascii.fixed_width_two_line"
    return None


#: Types that IPAC's format has in the line below the names.
_IPAC_TYPES = frozenset(
    {"double", "d", "float", "real", "r", "f", "int", "i", "long", "l", "char", "c", "date"}
)
#: The names that messages and help give.
_READ = "CSV, ECSV, FITS or Parquet"
_PACKED_INSIDE = ("parquet", "feather")
_JSON = re.compile(r'\[\s*[{\[]|\{\s*"')
#: Byte at which a mark stands, and the mark: what is not read.
_FOREIGN = {
    (0, b"\x89HDF"): "an HDF5 file",
    (0, b"PK\x03\x04"): "a zip archive or a spreadsheet",
    (0, b"\xd0\xcf\x11\xe0"): "an old spreadsheet",
    (0, b"\x28\xb5\x2f\xfd"): "compressed with zstd",
    (0, b"\x04\x22\x4d\x18"): "compressed with lz4",
    (0, b"\x1f\x9d"): "compressed with compress",
    (0, b"7z\xbc\xaf"): "a 7z archive",
    (257, b"ustar"): "a tar archive",
    (0, b"FEA1"): "a Feather file of version 1",
    (0, b"ORC"): "an ORC file",
    (0, b"Obj\x01"): "an Avro file",
    (0, b"\x93NUMPY"): "an array of numpy",
    (0, b"#ASDF"): "an ASDF file",
    (0, b"%PDF"): "a PDF",
    (0, b"\x89PNG"): "an image",
    (0, b"SQLite format 3"): "an SQLite database",
    (8, b"DUCK"): "a DuckDB database",
    **{(0, bytes([0x80, version])): "a pickle" for version in (2, 3, 4, 5)},
}


def default_output(path: Path) -> Path:
    """Return the name beside a table under which its correction is written: ``stars_cte.fits``."""
    ending = ending_of(path)
    if not ending:
        return path.with_name(f"{path.name}_cte.txt")
    return path.with_name(f"{path.name[: -len(ending)]}_cte{path.name[-len(ending) :]}")
