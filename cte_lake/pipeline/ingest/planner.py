"""Goes through files with what the lake and the configuration say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.config import Config
from cte_lake.errors import Rejected
from cte_lake.filenames import path_text
from cte_lake.frames.regular import require_file
from cte_lake.lake.commit import partition_of
from cte_lake.lake.read import MasterFile, current_exposures, current_master, reject_rows
from cte_lake.lake.versions import Version, current_of_all
from cte_lake.pipeline.carry_out import IngestArguments
from cte_lake.pipeline.ingest.contest import NAMESAKE
from cte_lake.pipeline.ingest.items import Action, Candidate, Item, Previous, claim_of_file, claims_of_rows
from cte_lake.pipeline.ingest.keys import refusal_hash, rules_hash, settings_hash

if TYPE_CHECKING:
    from cte_lake.frames.exposure import Exposure
    from cte_lake.frames.screening import ScreeningRules

#: Steps whose refusals may end by themselves (a partner, a catalog, disk space, memory): tried in each run.
_RETRIED_STAGES = frozenset({"read", "match", "align", "write", "worker"})
_ROW_COLUMNS = (
    "path", "imagename", "rootname", "filetype", "target", "proposal", "visit", "flash", "filter", "chip",
    "checksum", "file_size", "file_mtime_ns", "master_hash", "settings_hash", "rules_hash", "alignment_hash",
    "crmask_hash", "phot_key", "phot_file", "revision", "withdrawn", "mjd", "exptime", "targname", "cal_ver",
    "cte_ver", "cal_date", "product",
)  # fmt: skip


class Planner:
    """Holds what the lake and the configuration say while the files are gone through."""

    def __init__(self, arguments: IngestArguments) -> None:
        self.arguments = arguments
        self.config: Config = arguments.settings.config
        self.selection = arguments.selection.resolved(self.config.names())
        self.settings_hash = settings_hash(self.config)
        self.rules_hash = rules_hash(arguments.settings)
        rows = current_exposures(arguments.lake, self.config.photometry.mode, _ROW_COLUMNS).to_pylist()
        self.rows: dict[str, dict[str, Any]] = {row["imagename"]: row for row in rows}
        self.claims = claims_of_rows(rows, self.config.names())
        self.by_path: dict[str, dict[str, Any]] = {row["path"]: row for row in rows}
        self.rejects: dict[str, dict[str, Any]] = {
            row["path"]: row for row in reject_rows(arguments.lake).to_pylist()
        }
        self.masters: dict[str, MasterFile | None] = {}
        self.headers: dict[Path, tuple[Exposure, str]] = {}

    @cached_property
    def rules(self) -> ScreeningRules:
        """The configured exclusions."""
        from cte_lake.pipeline.survey import screening_rules

        return screening_rules(self.config)

    @cached_property
    def alignments(self) -> Mapping[str, Version]:
        """Root name to the state of its alignment; empty where alignments are not used."""
        return self._versions("alignment") if self.config.photometry.use_alignment else {}

    @cached_property
    def crmasks(self) -> Mapping[str, Version]:
        """Root name to the state of its cosmic-ray mask; empty where masks are not used."""
        return self._versions("crmasks") if self.config.photometry.use_crmask else {}

    @cached_property
    def _photometry(self) -> frozenset[str]:
        """The files of photometry that are there."""
        return frozenset(listed.path for listed in self.arguments.lake.listing("phot"))

    def _versions(self, dataset: str) -> Mapping[str, Version]:
        # The modules of rows import astropy: half the time of an ingest with nothing to do.
        return current_of_all(self.arguments.lake / dataset)

    def master(self, target: str) -> MasterFile:
        """Return a target's catalog; refuse where the lake has none."""
        if target not in self.masters:
            self.masters[target] = current_master(self.arguments.lake, target)
        found = self.masters[target]
        if found is None:
            raise Rejected(
                "no_master",
                f"target {target} has no master catalog in the lake; import one with "
                f"`cte-lake master import FILE --target {target}`",
                stage="match",
            )
        return found

    def first_look(self, path: Path) -> Item:
        """Say what the lake knows of a file; where it knows nothing, read its headers."""
        item = Item(path, Action.MEASURE)
        try:
            stat = require_file(path)
        except Rejected as refusal:
            return item.refuse(refusal)
        fingerprint = (stat.st_size, stat.st_mtime_ns)
        if self._take_row(item, fingerprint) or self._take_reject(item, fingerprint):
            return item
        return self._take_header(item)

    def _take_row(self, item: Item, fingerprint: tuple[int, int]) -> bool:
        row = self.by_path.get(path_text(item.path))
        if (
            row is None
            or row["withdrawn"]
            or self.arguments.overwrite
            or (row["file_size"], row["file_mtime_ns"]) != fingerprint
            or row["rules_hash"] != self.rules_hash
        ):
            return False
        item.imagename, item.target, item.proposal = row["imagename"], row["target"], row["proposal"]
        item.claim = self.claims[row["imagename"]]
        if not self.selection.matches(row):
            item.action = Action.NOT_SELECTED
        elif self._is_current(row):
            item.action = Action.UP_TO_DATE
        else:
            return False
        return True

    def _is_current(self, row: Mapping[str, Any]) -> bool:
        try:
            master_hash = self.master(row["target"]).master_hash
        except Rejected:
            return False
        return (row["master_hash"], row["settings_hash"], row["alignment_hash"], row["crmask_hash"]) == (
            master_hash,
            self.settings_hash,
            self.alignment_hash(row["rootname"]),
            self.crmask_hash(row["rootname"]),
        ) and not (self._quarantined(row["rootname"]) or self._is_lost(row))

    def _is_lost(self, row: Mapping[str, Any]) -> bool:
        return row["phot_file"] is not None and row["phot_file"] not in self._photometry

    def _take_reject(self, item: Item, fingerprint: tuple[int, int]) -> bool:
        row = self.rejects.get(path_text(item.path))
        # What is not known of a refused file (flash, filter) may be selected by: then its header is read.
        if row is None or self.arguments.overwrite or self.arguments.selection:
            return False
        if row["stage"] in _RETRIED_STAGES or (row["file_size"], row["file_mtime_ns"]) != fingerprint:
            return False
        known = refusal_hash(self.rules_hash, self.settings_hash)
        if row["stage"] == "position":
            known += self._position_state(str(row["imagename"])[:9], row["target"])
        if row["settings_hash"] != known:
            return False
        item.imagename, item.target, item.proposal = row["imagename"], row["target"], row["proposal"]
        item.known = True
        item.refuse(Rejected(row["reason"], row["detail"], row["stage"]))
        return True

    def _take_header(self, item: Item) -> Item:
        from cte_lake.frames.exposure import read_exposure
        from cte_lake.frames.screening import resolve_target, screen

        try:
            exposure = read_exposure(item.path, self.config.chips.short_limit)
            item.imagename, item.proposal = exposure.imagename, exposure.proposal
            item.target = target = resolve_target(exposure.targname, self.rules.spellings)
            item.claim = claim_of_file(exposure, target)
        except Rejected as refusal:
            return item.refuse(refusal)
        self.headers[item.path] = exposure, target
        if not self.selection.matches({**vars(exposure), "target": target}):
            item.action = Action.NOT_SELECTED
            return item
        screening = screen(exposure, self.rules)
        return item.refuse(screening.as_rejected()) if screening is not None else item

    def settle(self, items: Iterable[Item]) -> dict[str, tuple[Candidate, int]]:
        """Find master catalog, WCS and chip of what is to be measured; what lacks one is refused."""
        candidates = []
        for item in items:
            # A file whose header can no longer be read is known by its path.
            row = self.rows.get(item.imagename) if item.imagename else self.by_path.get(path_text(item.path))
            # What the lake holds under the root name of another exposure is not this one's.
            if row is not None and item.reason != NAMESAKE:
                item.previous = Previous(
                    partition_of(row), row["imagename"], row["path"], row["revision"], row["phot_key"],
                    row["withdrawn"],
                )  # fmt: skip
            if item.action is Action.MEASURE:
                candidates += self._candidates(item)
        if not candidates:
            return {}
        from cte_lake.pipeline.ingest.chips import choose_chips

        choices = choose_chips(candidates, self.config, self.arguments.lake, list(self.rows.values()))
        ready = {}
        for candidate in candidates:
            exposure = candidate.exposure
            try:
                chip = self._measurable(exposure, choices[exposure.imagename])
                ready[exposure.imagename] = candidate, chip
            except Rejected as refusal:
                candidate.item.refuse(refusal)
        return ready

    def _candidates(self, item: Item) -> list[Candidate]:
        """Return the item as a candidate, or nothing where it had to be refused."""
        exposure, target = self.headers[item.path]
        try:
            master = self.master(target)
            if self._quarantined(exposure.rootname):
                raise self._not_aligned(exposure.rootname)
        except Rejected as refusal:
            item.refuse(refusal)
            return []
        item.why = self._why(item, exposure.imagename, master)
        item.position_state = self._position_state(exposure.rootname, target)
        return [Candidate(item, exposure, target, master)]

    def _why(self, item: Item, imagename: str, master: MasterFile) -> str:
        row = self.rows.get(imagename)
        if row is None or row["withdrawn"]:
            return "new"
        claim, held = item.claim, self.claims[imagename]
        reasons = {
            "overwrite": self.arguments.overwrite,
            "newer calibration": claim is not None and held.calibration < claim.calibration,
            "master catalog changed": row["master_hash"] != master.master_hash,
            "settings changed": row["settings_hash"] != self.settings_hash,
            "WCS changed": row["alignment_hash"] != self.alignment_hash(row["rootname"]),
            "cosmic-ray mask changed": row["crmask_hash"] != self.crmask_hash(row["rootname"]),
            "rules changed": row["rules_hash"] != self.rules_hash,
            "photometry lost": self._is_lost(row),
        }
        return ", ".join(reason for reason, holds in reasons.items() if holds) or "file changed"

    def alignment_hash(self, rootname: str) -> str | None:
        """Hash of the fitted WCS that holds for an exposure; None: the header's."""
        version = self.alignments.get(rootname)
        return version.hash if version is not None and version.status == "aligned" else None

    def crmask_hash(self, rootname: str) -> str | None:
        """Hash of the cosmic-ray mask of an exposure, or None."""
        version = self.crmasks.get(rootname)
        return version.hash if version is not None else None

    @staticmethod
    def _measurable(exposure: Exposure, choice: int | Rejected) -> int:
        """Return the chip that was chosen; refuse where there is none, or its first rows are cut off."""
        from cte_lake.frames.planes import require_first_row

        if isinstance(choice, Rejected):
            raise choice
        shift = exposure.ltv2_1 if choice == 1 else exposure.ltv2_2
        require_first_row(round(-(shift or 0.0)), choice, exposure.imagename)
        return choice

    def _position_state(self, rootname: str, target: str) -> str:
        """Hash of the WCS and catalog that place an exposure: with others its position is judged anew."""
        try:
            master_hash = self.master(target).master_hash
        except Rejected:
            master_hash = ""
        return f"{self.alignment_hash(rootname) or ''}{master_hash}"

    def _quarantined(self, rootname: str) -> bool:
        version = self.alignments.get(rootname)
        return version is not None and version.status == "quarantined"

    def _not_aligned(self, rootname: str) -> Rejected:
        from cte_lake.pipeline.align.alignment_rows import alignment_for

        # Another reason and step than align's own row, which states on its own why the gate refused.
        solution = alignment_for(self.arguments.lake, rootname)
        why = f"{solution.reason}: {solution.detail}" if solution is not None else "no reason is on record"
        return Rejected("not_aligned", f"the alignment of {rootname} is quarantined ({why})", stage="match")
