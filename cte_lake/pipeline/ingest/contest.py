"""Several files of one exposure: the newest calibration counts, and none goes unmentioned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cte_lake.errors import Rejected
from cte_lake.filenames import path_text
from cte_lake.pipeline.ingest.items import TIME_STEP, Action, Claim, Item

#: Reason of a file whose root name another exposure bears.
NAMESAKE: Final = "rootname_taken"


def settle_contests(items: Iterable[Item], lake: Mapping[str, Claim], overwrite: bool) -> None:
    """Leave one file an image to be measured; the others end as duplicate, superseded or rejected.

    With `overwrite`, what the lake holds of an image (by its name) gives way to any file.
    """
    exposures: dict[str, list[Item]] = {}
    for item in items:
        if item.claim is not None and item.action in {Action.MEASURE, Action.UP_TO_DATE}:
            exposures.setdefault(item.claim.rootname, []).append(item)
    held: dict[str, list[Claim]] = {}
    for claim in () if overwrite else lake.values():
        held.setdefault(claim.rootname, []).append(claim)
    for rootname, group in exposures.items():
        _refuse_namesakes(group, _still_there(held.get(rootname, []), group))
        images: dict[str, list[Item]] = {}
        for item in group:
            if item.action is not Action.REJECTED:
                images.setdefault(_claim(item).imagename, []).append(item)
        for imagename, files in images.items():
            _keep_newest(files, None if overwrite else lake.get(imagename))


def _claim(item: Item) -> Claim:
    if item.claim is None:
        raise TypeError(f"{item.path} is in a contest without a claim")
    return item.claim


def _still_there(held: list[Claim], group: list[Item]) -> list[Claim]:
    """Leave out rows whose file was replaced by another exposure's: the name is free again."""
    replaced = {_claim(item).path for item in group if item.action is Action.MEASURE}
    return [claim for claim in held if claim.path not in replaced]


def _refuse_namesakes(group: list[Item], held: list[Claim]) -> None:
    """Refuse files of a second exposure under one root name: only one can be in the lake."""
    known = next((_claim(item) for item in group if item.action is Action.UP_TO_DATE), None)
    first = known or next(iter(held), None) or _claim(group[0])
    for item in group:
        claim = _claim(item)
        if claim.same_exposure(first):
            continue
        differing = _differences(claim, first)
        item.refuse(
            Rejected(
                NAMESAKE,
                f"{path_text(item.path.name)} is another exposure than {first.path} under the same root name "
                f"{claim.rootname} ({differing}); one of the two has a wrong ROOTNAME",
            )
        )


def _differences(claim: Claim, other: Claim) -> str:
    """Name what differs, each with both values."""
    pairs = zip(_shown(claim.identity), _shown(other.identity), strict=True)
    return ", ".join(f"{mine} against {theirs.partition(' ')[2]}" for mine, theirs in pairs if mine != theirs)


def _shown(identity: tuple[int, str, str, int, int]) -> list[str]:
    proposal, target, filter_, start, length = identity
    where = [f"PROPOSID {proposal}", f"target {target}", f"FILTER {filter_}"]
    return [*where, f"EXPSTART {start * TIME_STEP:.5f}", f"EXPTIME {length / 10:g}"]


def _keep_newest(files: list[Item], row: Claim | None) -> None:
    """Keep the file of the newest calibration: among equals that of the lake, then the first by path."""
    best = max(_claim(item).calibration for item in files)
    equals = [item for item in files if _claim(item).calibration == best]
    in_lake = row.path if row is not None else None
    kept = next((item for item in equals if _claim(item).path == in_lake), equals[0])
    for item in files:
        if item is kept:
            continue
        claim = _claim(item)
        if claim.calibration == best:
            item.leave(Action.DUPLICATE, f"the same image as {path_text(kept.path)}")
        else:
            newer = f"{path_text(kept.path)} has {best}"
            item.leave(Action.SUPERSEDED, f"calibrated with {claim.calibration}; {newer}")
    if row is not None and kept.action is Action.MEASURE and best < row.calibration:
        held = f"the lake holds {row.calibration} from {row.path} (--overwrite replaces it)"
        kept.leave(Action.SUPERSEDED, f"calibrated with {best}; {held}")
