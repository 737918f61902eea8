"""Hashes of what things follow from, by which a step knows that nothing of its input changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cte_lake.correction.coefficient_files import sets_in_lake
from cte_lake.digests import digest
from cte_lake.lake.maintenance.nightly import last_verification
from cte_lake.resources import code_digest
from cte_lake.views.audits import last_audits

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

#: Sections of the configuration that change no number here: what they did to frames shows in the keys.
_WITHOUT_EFFECT = frozenset({"workers", "fetch", "align", "crmask", "master_build", "refresh"})


def losses_state(lake: Lake, settings: Settings) -> str:
    """Hash of all that losses follow from: which photometry counts, and the settings."""
    return digest([_values(lake, "photometry"), _effective(settings)])


def settings_state(settings: Settings) -> str:
    """Hash of what a page follows from besides the lake's rows: the code and the settings."""
    return digest([code_digest(), _effective(settings)])


def _effective(settings: Settings) -> str:
    """Hash of the settings that change a number here."""
    return settings.hash(*(name for name in settings.config.__struct_fields__ if name not in _WITHOUT_EFFECT))


def photometry_state(lake: Lake, settings: Settings) -> str:
    """Hash of all that figures follow from: losses, each chip's, and the sets that are drawn over them."""
    # By content: `fit --overwrite` writes another set under the name that it had.
    sets = [[path.name, digest(path.read_bytes())] for path in sets_in_lake(lake.stored)]
    chips = sorted(listed.path for listed in lake.stored.listing("chips"))
    return digest([losses_state(lake, settings), sets, chips])


def lake_state(lake: Lake, settings: Settings) -> str:
    """Hash of all that a report follows from: also what was refused, and what was found to be wrong."""
    rejects = _values(lake, "refused")
    alignment = _values(lake, "aligned")
    audits, verified = last_audits(lake.stored), last_verification(lake.stored)
    found = [audits and audits["rows"], verified and verified["findings"]]
    return digest([code_digest(), photometry_state(lake, settings), rejects, alignment, found])


def _values(lake: Lake, name: str) -> list[list[Any]]:
    return [list(row.values()) for row in lake.own(name).rows()]
