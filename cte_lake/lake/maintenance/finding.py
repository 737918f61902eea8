"""What a verification finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be; `harm` is False for what is merely left over."""

    check: str
    path: str
    detail: str
    harm: bool = True
