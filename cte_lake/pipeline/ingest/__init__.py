"""Ingest: exposures in, photometry and exposure rows out.

`items` what is known of them, `planner` and `plan` what is to be done with each and
why, `ingest_task` what a worker does with one, `exposure_rows` what it writes, `ingest_frames` the
orchestration.
"""

from __future__ import annotations

from cte_lake.pipeline.carry_out import IngestArguments
from cte_lake.pipeline.ingest.ingest_frames import IngestReport, ingest
from cte_lake.pipeline.ingest.items import Action, Item
from cte_lake.pipeline.ingest.plan import Plan, make_plan

__all__ = ["Action", "IngestArguments", "IngestReport", "Item", "Plan", "ingest", "make_plan"]
