"""Making a lake."""

from __future__ import annotations

import tomllib
from pathlib import Path

from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.evolve import grown, read_seed, schema_of_files, seed_path
from cte_lake.lake.listing import names_in
from cte_lake.lake.paths import FOLDERS, LAKE_FILE
from cte_lake.lake.place import in_store
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.write import write_bytes, write_table

#: Version of the layout on disk; a lake of a later one is refused.
LAKE_VERSION = 1

_LAKE_TEXT = f"""\
# Settings of this lake. State only what differs from the defaults;
# `cte-lake config show` prints every key, its value and where it came from.
lake_version = {LAKE_VERSION}
"""


def create_lake(root: Path) -> bool:
    """Make a lake at `root`; a lake that is there already is left as it is.

    Every dataset starts with an empty file that bears its schema, so that views bind before
    the first row is written. The settings file comes last: without it there is no lake.

    Returns
    -------
    bool
        Whether a lake was made.

    Raises
    ------
    LakeError
        If `root` is a file, or a folder that holds something else.
    """
    if (root / LAKE_FILE).is_file():
        check_version(root)
        seed_datasets(root)
        return False
    if in_store(root) is None and root.exists() and not root.is_dir():
        raise LakeError(f"{root} is a file; a lake is a folder")
    if any(name not in FOLDERS for name in names_in(root)):
        raise LakeError(f"{root} is not empty and no lake; name an empty or new folder")
    if in_store(root) is None:
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
    seed_datasets(root)
    write_bytes(root / LAKE_FILE, _LAKE_TEXT.encode())
    return True


def seed_datasets(root: Path) -> None:
    """Write the empty, schema-bearing file of each dataset that has none, or one of an older schema.

    Every writer calls it before its first file, so that the seeds record all columns that any file has.
    """
    for name in dataset_names():
        path = seed_path(root, name)
        seed = read_seed(path)
        if seed is None:
            write_table(path, schema_of_files(root, name).empty_table())
        elif (schema := grown(seed, name)) is not None:
            write_table(path, schema.empty_table())


def check_version(root: Path) -> int:
    """Return the lake's version.

    Raises
    ------
    LakeError
        If the lake's file states none, or one that this version of cte-lake cannot read.
    """
    path = root / LAKE_FILE
    try:
        version = tomllib.loads(path.read_text(encoding="utf-8")).get("lake_version")
    except StoreUnavailable:
        raise
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LakeError(f"{path} cannot be read: {error}") from error
    if not isinstance(version, int):
        raise LakeError(f"{path} states no lake_version; add the line 'lake_version = {LAKE_VERSION}'")
    if version > LAKE_VERSION:
        raise LakeError(
            f"{root} is a lake of version {version}, this cte-lake reads up to {LAKE_VERSION}; "
            "upgrade cte-lake"
        )
    return version
