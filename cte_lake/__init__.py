"""The WFC3/UVIS charge-transfer-efficiency monitor as a columnar data lake."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cte_lake.api import Lake, open_lake

__all__ = ["Lake", "__version__", "open_lake"]

__version__ = version("cte-lake")


def __getattr__(name: str) -> object:
    # DuckDB and pyarrow take half a second to import; `cte-lake --help` must not pay for them.
    if name in {"Lake", "open_lake"}:
        from cte_lake import api

        return getattr(api, name)
    raise AttributeError(f"module 'cte_lake' has no attribute {name!r}")
