r"""File names as text: any bytes that a file system takes, in what Parquet, JSON and a terminal take.

A name is bytes. Python holds those that are not UTF-8 as lone surrogates, which no UTF-8 text may hold, and
line feeds or escape sequences in a name disturb terminals and tables. Such bytes are written ``\xNN``.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

_ESCAPED_BYTES = re.compile(rb"\\x([0-9a-f]{2})")
_LOOKS_ESCAPED = re.compile(r"\\(?=x[0-9a-f]{2})")


#: What can bear a file's name and is none: reading a pipe waits for ever, a device has no end.
_NO_FILES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def no_file(mode: int) -> str | None:
    """Return what a thing of this mode (``st_mode``) is that is no regular file; None for one that is."""
    return None if stat.S_ISREG(mode) else _NO_FILES.get(stat.S_IFMT(mode), "no regular file")


def is_text(name: str) -> bool:
    """Whether a name can be written in UTF-8; of other bytes Python makes lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def printable(text: str) -> str:
    r"""Return text that any terminal and any file takes: what it does not take is written ``\xNN``.

    Examples
    --------
    >>> printable("ann\udce9e_flt.fits")
    'ann\\xe9e_flt.fits'
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def path_text(path: str | os.PathLike[str]) -> str:
    r"""Return a path as the lake stores and shows it; `path_from_text` gives it back.

    Examples
    --------
    >>> path_text("/data/ann\udce9e_flt.fits")
    '/data/ann\\xe9e_flt.fits'
    """
    # A name that really holds '\xe9' must not come back as that byte.
    return printable(_LOOKS_ESCAPED.sub(lambda _: r"\x5c", os.fspath(path)))


def path_from_text(text: str) -> Path:
    """Return the path that `path_text` wrote."""
    if "\\x" not in text:
        return Path(text)
    raw = _ESCAPED_BYTES.sub(lambda found: bytes([int(found[1], 16)]), os.fsencode(text))
    return Path(os.fsdecode(raw))


def _escaped(character: str) -> str:
    lone_byte = "\udc80" <= character <= "\udcff"
    raw = character.encode("utf-8", "surrogateescape" if lone_byte else "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in raw)
