"""Where a lake keeps the fitted WCS of an exposure."""

from cte_lake.pipeline.align.alignment_rows import alignment_dir, current_rows


def headerlet_path(lake, rootname):
    """The current headerlet of an exposure in a lake, which must be there; None unless it is aligned."""
    (name,) = (row["headerlet"] for row in current_rows(lake) if row["rootname"] == rootname)
    if name is None:
        return None
    assert (alignment_dir(lake) / name).is_file()
    return alignment_dir(lake) / name
