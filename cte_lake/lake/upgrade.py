"""What a lake's files hold against what this version's schemas say, and the step from one to the other."""

from __future__ import annotations

from cte_lake.lake.evolve import Change, differences
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.lake.stored import AnyLake, stored


def schema_changes(named: AnyLake) -> list[Change]:
    """Return what distinguishes a lake's files from today's schemas; all of it is read together."""
    lake = stored(named)
    lake.check_version()
    changes = []
    for name in dataset_names():
        seed = lake.dataset(name).seed
        if seed is not None:
            changes += differences(seed, name)
        else:
            changes.append(Change(name, "*", "added", "the lake has no file of this dataset yet"))
    return changes


def check_schemas() -> list[str]:
    """Return one line a dataset after reading its schema file.

    Raises
    ------
    LakeError
        If a schema file does not hold together.
    """
    lines = []
    for name in dataset_names():
        stated = dataset(name)
        lines.append(f"{name}: {len(stated.expanded())} columns, one row is {stated.grain}")
    return lines


def record_schemas(named: AnyLake) -> None:
    """Make today's columns known to a lake without waiting for its next ingest; no row is rewritten."""
    lake = stored(named)
    lake.check_version()
    lake.write_seeds()
