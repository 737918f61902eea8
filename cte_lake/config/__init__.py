"""Settings: package defaults, the lake's TOML file, the environment and flags, each value with its origin."""

from __future__ import annotations

from cte_lake.config.load import Setting, Settings, default_text, describe, load_settings
from cte_lake.config.models import TARGET_PATTERN, Config

__all__ = [
    "TARGET_PATTERN",
    "Config",
    "Setting",
    "Settings",
    "default_text",
    "describe",
    "load_settings",
]
