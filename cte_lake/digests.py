"""Digests: short names for contents. Equal contents have equal digests on every machine."""

from __future__ import annotations

import hashlib
import json
from io import BufferedReader
from typing import Any


def digest(content: Any, size: int = 8) -> str:
    """Return the digest of bytes or of a JSON-able value, two hexadecimal digits for each of `size` bytes.

    Floats enter with their shortest exact representation, keys sorted.
    """
    raw = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
    return hashlib.blake2b(raw, digest_size=size).hexdigest()


def growing_digest(size: int) -> hashlib.blake2b:
    """Return a digest to `update` piece by piece."""
    return hashlib.blake2b(digest_size=size)


def file_digest(stream: BufferedReader, size: int) -> str:
    """Return the digest of an open file's bytes."""
    return hashlib.file_digest(stream, lambda: growing_digest(size)).hexdigest()
