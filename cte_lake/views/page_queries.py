"""What pages, `status` and audits ask: queries that nobody can change, so that their plans need no look."""

from collections.abc import Mapping
from types import MappingProxyType

_PAIR = (
    "pair_id, image_1, image_2, target, proposal, visit, filter, exptime, length, flash, filetype, mjd, "
    "generation, newest, chinject, cal_ver, cr_masked"
)
#: Queries by name.
PAGE_QUERIES: Mapping[str, str] = MappingProxyType({
    "exposures": "FROM exposures ORDER BY mjd, imagename",
    "pairs": (
        f"SELECT {_PAIR}, NULL::VARCHAR AS visit_2, NULL::INTEGER AS chip FROM pairs UNION ALL "
        f"SELECT {_PAIR}, visit_2, chip FROM pairs_180 ORDER BY mjd, image_1"
    ),
    "frames": "SELECT imagename, path FROM exposures ORDER BY mjd DESC, imagename",
    # What `status` counts of them: ten thousand rows of all columns take half a second.
    "measured": "SELECT imagename, target, mjd, n_measured, phot_key FROM exposures ORDER BY mjd, imagename",
    "paired": "SELECT target, cr_masked FROM pairings",
    "epochs": "FROM epochs ORDER BY target, epoch",
    "rejects": "FROM rejects ORDER BY path",
    "incomplete": "FROM coverage WHERE missing IS NOT NULL ORDER BY target, proposal, visit, flash",
    "overdue": "FROM overdue ORDER BY target, since",
    "alone": """
        SELECT
            target, proposal, visit, left(imagename, 9) AS rootname, reason, count(*) AS n,
            string_agg(upper(filetype), ' and ' ORDER BY filetype DESC) AS filetypes,
            any_value(regexp_replace(detail, ', fl[tc]$', '')) AS detail
        FROM unpaired
        GROUP BY target, proposal, visit, rootname, reason
        ORDER BY target, proposal, visit, rootname
    """,
    "photometry": "SELECT imagename, phot_key FROM exposures ORDER BY ALL",
    "failures": (
        "SELECT path, min(reason) AS reason, min(detail) AS detail FROM rejects WHERE stage <> 'screen' "
        "GROUP BY path ORDER BY path"
    ),
    "refused": "SELECT path, stage, reason, detail FROM rejects ORDER BY ALL",
    "aligned": "SELECT rootname, status, solution_hash FROM alignment ORDER BY ALL",
})  # fmt: skip


def own_query(name: str) -> str:
    """Return a query of ours: one of `PAGE_QUERIES`, or an audit."""
    if (query := PAGE_QUERIES.get(name)) is not None:
        return query
    # Of what opens a lake few audit it.
    from cte_lake.views.audits import audits

    return {audit.name: audit.query for audit in audits()}[name]
