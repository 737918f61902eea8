"""Downloading a file: taken up where it broke off, checked, and only then given its name."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from cte_lake.errors import ArchiveError, Rejected
from cte_lake.frames.checks import require_extensions
from cte_lake.frames.opening import open_frame
from cte_lake.lake.write import write_bytes

#: Suffix of a download that is not complete; a file beside it records whether it may be resumed.
PART = ".part"
_STATE = ".part.json"
_LISTING = "CHECKSUMS.b2"
#: What a broken connection can cost; a larger one is hardly faster.
_BLOCK = 1 << 16
_PAUSE = 2.0
#: Longest pause that a busy server is granted between two questions, s.
_LONGEST_PAUSE = 300.0
_TIMED_OUT = 408
_TOO_MANY = 429
#: Answers of a signed link whose time is over.
_EXPIRED = frozenset({401, 403, 410})

Received = Callable[[int], None]


class TryAgain(Exception):
    """The connection broke or the server is busy; `pause` is how long it asks to be left alone, s."""

    def __init__(self, problem: str, pause: float = 0.0) -> None:
        super().__init__(problem)
        self.pause = pause


def download(
    url: str,
    uri: str,
    target: Path,
    size: int,
    timeout: float,
    retries: int,
    received: Received | None = None,
) -> str:
    """Download a file of the archive to `target`.

    What arrives is written to ``target.part``; a broken download is continued from there, in this run or a
    later one, unless the file has changed in the archive since. When all bytes are there and the file is a
    whole FITS file, it is renamed.

    Parameters
    ----------
    url : str
        Address of the download service.
    uri : str
        What the archive calls the file.
    target : Path
        Where it goes; if another process is fetching it, its end is waited for.
    size : int
        Bytes by the archive's listing, which may be out of date; 0 where it does not say. What the download
        itself announces, a checksum where it has one and the file's own structure decide.
    timeout : float
        Seconds without a byte after which the connection counts as broken.
    retries : int
        How often it is taken up again.
    received : callable, optional
        Called with the number of bytes of each block, for a progress bar.

    Returns
    -------
    str
        BLAKE2b checksum, as ``b2sum`` writes it.

    Raises
    ------
    ArchiveError
        If it cannot be had; the part that arrived is kept.
    """
    part = target.with_name(target.name + PART)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(part):
        if target.is_file():
            # Another process has fetched it meanwhile.
            return _checksum(target)
        return _download(url, uri, target, part, size, timeout, retries, received)


def _download(
    url: str,
    uri: str,
    target: Path,
    part: Path,
    size: int,
    timeout: float,
    retries: int,
    received: Received | None,
) -> str:
    for attempt in range(retries + 1):
        try:
            announced = _receive(url, uri, part, timeout, received)
            break
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            problem: Exception = error
        except TryAgain as error:
            problem = error
        if attempt == retries:
            raise ArchiveError(
                f"{target.name}: broke off {retries + 1} times, the last time because {reason(problem)}; "
                "run the command again to go on from there"
            ) from problem
        asked = problem.pause if isinstance(problem, TryAgain) else 0.0
        own = 0.0 if isinstance(problem, requests.Timeout) else min(_PAUSE * 2**attempt, 60.0)
        time.sleep(max(own, asked))
    _check(part, target.name, size, announced)
    checksum = _checksum(part)
    part.replace(target)
    _state_of(part).unlink(missing_ok=True)
    return checksum


def reason(error: Exception) -> str:
    """Return in words, as what follows "because", why the archive gave nothing."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted here (a proxy, or a clock that is wrong?)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy of HTTPS_PROXY or HTTP_PROXY does not answer"
    if isinstance(error, requests.Timeout | TimeoutError):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    if isinstance(error, requests.ConnectionError | ConnectionError):
        return "it cannot be reached (no network, or another address?)"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"it answered HTTP {error.response.status_code} {error.response.reason}"
    if isinstance(error, TryAgain):
        return str(error)
    if type(error).__module__.startswith("astroquery."):
        return f"it answered: {error}"
    return f"its answer is not understood ({type(error).__name__}: {error})"


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Hold what arrives of a file: two processes that append to one part would mix their bytes."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
    _lock(descriptor)
    # Whoever held it before may have given the part its final name, or thrown it away.
    while not (part.exists() and os.path.samestat(os.fstat(descriptor), part.stat())):
        os.close(descriptor)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
        _lock(descriptor)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            if part.stat().st_size == 0:
                part.unlink()
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    # Some network file systems have no locks; there nobody fetches twice at once by accident of ours.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@dataclass(frozen=True)
class _Announced:
    """What the answer said of the whole file: bytes and MD5, where it did."""

    length: int | None = None
    md5: str = ""


def _receive(url: str, uri: str, part: Path, timeout: float, received: Received | None) -> _Announced:
    there = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    state = _read_state(part)
    if there and state.get("uri") == uri and state.get("etag"):
        # The server sends all of it again if it is not the same file any more.
        headers |= {"Range": f"bytes={there}-", "If-Range": state["etag"]}
    with requests.get(url, params={"uri": uri}, headers=headers, stream=True, timeout=timeout) as reply:
        if reply.status_code == requests.codes.requested_range_not_satisfiable and there:
            return _Announced(state.get("length"), str(state.get("md5") or ""))
        _refuse_other_answers(reply, uri, bool(there))
        goes_on = reply.status_code == requests.codes.partial_content
        if goes_on and not reply.headers.get("Content-Range", f"bytes {there}-").startswith(
            f"bytes {there}-"
        ):
            os.truncate(part, 0)
            raise TryAgain("it sent another part of the file than it was asked for")
        if reply.headers.get("Content-Encoding", "identity") != "identity":
            # Packed though it was asked not to be: what is announced is not of the file that is unpacked.
            for name in ("Content-Length", "Content-MD5", "ETag", "Last-Modified"):
                reply.headers.pop(name, None)
        etag = reply.headers.get("ETag") or reply.headers.get("Last-Modified")
        expected = _expected_length(reply, there if goes_on else 0)
        # Of a part the answer's checksum is that of the part.
        md5 = str(state.get("md5") or "") if goes_on else _md5_of(reply)
        stated = {"uri": uri, "etag": etag, "length": expected, "md5": md5}
        _state_of(part).write_text(json.dumps(stated), encoding="utf-8")
        with part.open("ab" if goes_on else "wb") as stream:
            for block in reply.iter_content(_BLOCK):
                stream.write(block)
                if received is not None:
                    received(len(block))
    if expected is not None and part.stat().st_size < expected:
        raise TryAgain(f"only {part.stat().st_size} of {expected} bytes arrived")
    return _Announced(expected, md5)


def _refuse_other_answers(reply: requests.Response, uri: str, resumed: bool) -> None:
    """Refuse an answer that is not the file; some say that it is worth asking again."""
    if reply.status_code in _EXPIRED and (resumed or reply.history):
        # The link that the archive led to is no longer good: asked again, it gives another.
        raise TryAgain(f"it answered HTTP {reply.status_code} {reply.reason}, the link has expired")
    if reply.status_code >= 500 or reply.status_code in {_TIMED_OUT, _TOO_MANY}:
        wanted = reply.headers.get("Retry-After", "")
        pause = min(float(wanted), _LONGEST_PAUSE) if wanted.isdecimal() else 0.0
        raise TryAgain(f"it answered HTTP {reply.status_code} {reply.reason}", pause)
    if reply.status_code not in {requests.codes.ok, requests.codes.partial_content}:
        raise ArchiveError(f"{uri}: the archive answered HTTP {reply.status_code} {reply.reason}")
    if reply.headers.get("Content-Type", "").startswith("text/html"):
        host = urlsplit(reply.url).hostname
        raise ArchiveError(f"{uri}: {host} answered with a web page (a login?), not with the file")


def _md5_of(reply: requests.Response) -> str:
    """Return the MD5 of the whole file in hex where the answer has it (Content-MD5), else ''."""
    try:
        return base64.b64decode(reply.headers.get("Content-MD5", ""), validate=True).hex()
    except ValueError:
        return ""


def _expected_length(reply: requests.Response, before: int) -> int | None:
    length = reply.headers.get("Content-Length", "")
    return before + int(length) if length.isdigit() else None


def _check(part: Path, name: str, size: int, announced: _Announced) -> None:
    """Refuse what arrived, and throw it away, unless it is the whole FITS file that was announced.

    The size in a listing is that of the file when it was listed; a file that was calibrated again since has
    another. So it decides nothing: it is named where something else is wrong.
    """
    arrived = part.stat().st_size
    problem = ""
    if announced.length is not None and arrived != announced.length:
        problem = f"{arrived} bytes arrived, {announced.length} were announced"
    elif announced.md5 and _checksum(part, "md5") != announced.md5:
        problem = "its MD5 checksum is not the one announced"
    if not problem:
        try:
            with open_frame(part) as hdus:
                require_extensions(hdus, part)
                for hdu in hdus:
                    # A header may be there and its data not.
                    _ = hdu.data
        except Rejected as refusal:
            problem = str(refusal)
            problem += f"; {arrived} bytes arrived, the archive lists {size}" if size != arrived else ""
    if problem:
        part.unlink()
        _state_of(part).unlink(missing_ok=True)
        raise ArchiveError(f"{name}: what arrived is not the file ({problem}); it was deleted")


def _checksum(path: Path, kind: str = "blake2b") -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def _state_of(part: Path) -> Path:
    return part.with_name(part.name.removesuffix(PART) + _STATE)


def _read_state(part: Path) -> dict[str, Any]:
    try:
        state = json.loads(_state_of(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def record_checksum(target: Path, checksum: str) -> None:
    """Note a file's checksum in its folder's list, which ``b2sum -c`` reads."""
    path = target.with_name(_LISTING)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        # Two processes that fetch into one folder each add their lines.
        _lock(folder)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        kept = [line for line in lines if line.partition("  ")[2] != target.name]
        kept.append(f"{checksum}  {target.name}")
        write_bytes(path, ("\n".join(sorted(kept, key=lambda line: line.partition("  ")[2])) + "\n").encode())
    finally:
        os.close(folder)


def verify_checksums(folder: Path) -> dict[Path, str]:
    """Hold the files below a folder against the checksums noted when they were fetched.

    Returns
    -------
    dict of Path to str
        'ok', 'changed' or 'gone' for each file that is in a list.
    """
    found = {}
    for path in sorted(folder.rglob(_LISTING)):
        for line in path.read_text(encoding="utf-8").splitlines():
            checksum, _, name = line.partition("  ")
            file = path.with_name(name)
            found[file] = "gone" if not file.is_file() else "ok" if _checksum(file) == checksum else "changed"
    return found
