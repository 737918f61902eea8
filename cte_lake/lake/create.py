"""Making a lake."""

from __future__ import annotations

from cte_lake.errors import LakeError
from cte_lake.lake.paths import FOLDERS
from cte_lake.lake.stored import LAKE_VERSION, StoredLake

_LAKE_TEXT = f"""\
# Settings of this lake. State only what differs from the defaults;
# `cte-lake config show` prints every key, its value and where it came from.
lake_version = {LAKE_VERSION}
"""


def create_lake(lake: StoredLake, settings: bytes = _LAKE_TEXT.encode()) -> bool:
    """Make a lake and return whether one was made; one that is there already is left as it is.

    Every dataset starts with an empty file that bears its schema, so that views bind before
    the first row is written. The settings file comes last: without it there is no lake.

    Raises
    ------
    LakeError
        If the folder is a file, holds something else, or has a name that DuckDB cannot read below.
    """
    place = lake.place
    if (why := place.store.refusal(place.key)) is not None:
        raise LakeError(f"no lake can be made there: {why}")
    if lake.exists():
        lake.check_version()
        lake.write_seeds()
        return False
    if place.is_file():
        raise LakeError(f"{lake} is a file; a lake is a folder")
    # What a killed run of this command left is nobody's content.
    place.store.sweep(place.key)
    if any(name not in FOLDERS for name in place.names()):
        raise LakeError(f"{lake} is not empty and no lake; name an empty or new folder")
    for folder in FOLDERS:
        place.store.make_folder((place / folder).key)
    lake.write_seeds()
    lake.settings_file.write_bytes(settings)
    return True
