"""Bytes of a text table as UTF-8 lines, whatever its compression, encoding, line ends and comments."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cte_lake.errors import CatalogError

#: First bytes of a compressed file: how it is opened.
_MAGIC: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
#: Marks of encodings at a text's start; that of UTF-16 begins that of UTF-32.
_MARKS = {
    b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16",
}  # fmt: skip
_BOM = b"\xef\xbb\xbf"
#: Bytes at a time.
CHUNK = 8_000_000
#: Bytes that show the encoding and kind of a text.
START = 1 << 12
#: Bytes that are looked at to know a file.
HEAD = 1 << 18
#: A comment line, or what is none: a value in quotes, which may hold lines that begin with #.
_COMMENT = re.compile(
    rb"""^[ \t]*\#[^\n]*\n?|(?P<quoted>(?:^|[,;|\t])[ ]*"(?:[^"]|"")*(?:"|\Z))""", re.MULTILINE | re.VERBOSE
)
_BLANKS = re.compile(rb"[ \t]+")
_QUOTED = re.compile(rb'("(?:[^"\n]|"")*")|[ \t]+')


def open_bytes(path: Path) -> Any:
    """Open a file for reading, decompressed if its first bytes say that it is compressed."""
    opener = compressed_outside(path)
    return path.open("rb") if opener is None else opener(path)


def compressed_outside(path: Path) -> Callable[[Path], Any] | None:
    """Return what opens a file that its first bytes call compressed; None for any other."""
    with path.open("rb") as stream:
        start = stream.read(6)
    return next((opener for magic, opener in _MAGIC.items() if start.startswith(magic)), None)


def first_bytes(path: Path, size: int = HEAD) -> bytes:
    """Return the first bytes of a file, decompressed.

    Raises
    ------
    CatalogError
        If the file cannot be read.
    """
    try:
        with open_bytes(path) as stream:
            head = bytes(stream.read(size))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise CatalogError(f"table {path} cannot be read: {error}") from None
    if head.startswith(tuple(_MAGIC)):
        raise CatalogError(f"table {path} is compressed twice; unpack it once")
    return head


def wide_encoding(start: bytes) -> str:
    """Return the encoding of a text of more than one byte a letter, by its mark or its zeros; else ''."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    even, odd = start[::2].count(0), start[1::2].count(0)
    most = 0.8 * len(start) / 2
    return "utf-16-le" if odd > most and not even else "utf-16-be" if even > most and not odd else ""


class Lines:
    """The lines of a text table as UTF-8.

    Parameters
    ----------
    path : Path
        The file.
    delimiter : str
        What separates values; a blank stands for any blanks and tabs.
    columns : int
        Values a line, to distinguish a comment from a value that starts with ``#``.

    Attributes
    ----------
    latin : bool
        Whether bytes were met that are no UTF-8 and were taken for Latin-1.
    """

    def __init__(self, path: Path, delimiter: str, columns: int) -> None:
        self._path = path
        self._delimiter = delimiter.encode()
        self._columns = columns
        self.latin = False

    def chunks(self, skip: int) -> Iterator[bytes]:
        """Yield whole lines past the first `skip`, values separated by the delimiter (tabs for blanks)."""
        try:
            with open_bytes(self._path) as stream:
                plain = _as_utf8(stream)
                carried = b""
                while True:
                    block = plain.read(CHUNK)
                    block = block.encode() if isinstance(block, str) else block
                    whole = carried + block
                    end = len(whole) if not block else whole.rfind(b"\n") + 1
                    carried, lines = whole[end:], whole[:end]
                    skip, lines = _skipped(lines, skip)
                    if lines:
                        yield self._clean(lines)
                    if not block:
                        return
        except (OSError, EOFError, lzma.LZMAError, UnicodeError) as error:
            raise CatalogError(f"table {self._path} cannot be read: {error}") from None

    def _clean(self, lines: bytes) -> bytes:
        try:
            lines.decode()
        except UnicodeDecodeError:
            self.latin = True
            lines = lines.decode("latin-1").encode()
        if b"#" in lines:
            lines = _COMMENT.sub(self._comment, lines)
        if self._delimiter != b" ":
            return lines
        stripped = b"\n".join(line.strip(b" \t\r") for line in lines.split(b"\n"))
        if b'"' in stripped:
            return _QUOTED.sub(lambda found: found[1] or b"\t", stripped)
        return _BLANKS.sub(b"\t", stripped)

    def _comment(self, found: re.Match[bytes]) -> bytes:
        if found["quoted"] is not None:
            return found[0]
        if self._delimiter != b" " and found[0].count(self._delimiter) == self._columns - 1:
            return found[0]
        return b""


def _as_utf8(stream: Any) -> Any:
    """Return a stream past its byte-order mark; wide encodings and old Macintosh line ends come as text."""
    start = stream.read(START)
    stream.seek(0)
    if encoding := wide_encoding(start):
        return io.TextIOWrapper(stream, encoding, newline=None)
    if start.startswith(_BOM):
        stream.seek(len(_BOM))
    if b"\r" in start and b"\n" not in start:
        return io.TextIOWrapper(stream, "latin-1", newline=None)
    return stream


def _skipped(lines: bytes, skip: int) -> tuple[int, bytes]:
    while skip and lines:
        end = lines.find(b"\n")
        lines = lines[end + 1 :] if end >= 0 else b""
        skip -= 1
    return skip, lines


class ChunkFile(io.RawIOBase):
    """Chunks of bytes as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return the number of bytes."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
