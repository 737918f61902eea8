"""From a plan's items to the tasks that workers take."""

from __future__ import annotations

from cte_lake.lake.added_columns import added_columns
from cte_lake.pipeline.ingest.arguments import IngestArguments
from cte_lake.pipeline.ingest.ingest_task import MeasureTask
from cte_lake.pipeline.ingest.keys import photometry_settings
from cte_lake.pipeline.ingest.plan import Plan
from cte_lake.pipeline.ingest.write_added import check_functions


def tasks_of(arguments: IngestArguments, plan: Plan) -> list[MeasureTask]:
    """Return one task for each exposure that the plan wants measured.

    Raises
    ------
    ConfigError
        If a function of the configuration cannot be used.
    """
    config = arguments.settings.config
    added = added_columns(config)
    check_functions(arguments.lake, added)
    settings = photometry_settings(config)
    return [
        MeasureTask(
            lake=arguments.lake,
            exposure=candidate.exposure,
            target=candidate.target,
            chip=chip,
            master=candidate.master,
            settings=settings,
            settings_hash=plan.settings_hash,
            rules_hash=plan.rules_hash,
            aperture=float(config.measure.aperture),
            pam_dir=config.photometry.pam_dir,
            edge_margin=config.photometry.edge_margin,
            good_bits=sum(config.photometry.good_bits),
            use_alignment=config.photometry.use_alignment,
            use_crmask=config.photometry.use_crmask,
            admission=config.admission,
            align=config.align,
            previous=candidate.item.previous,
            overwrite=arguments.overwrite,
            added=added,
        )
        for candidate, chip in plan.ready.values()
    ]
