"""From a plan's items to the tasks that workers take."""

from __future__ import annotations

from cte_lake.pipeline.ingest.arguments import IngestArguments
from cte_lake.pipeline.ingest.ingest_task import MeasureTask
from cte_lake.pipeline.ingest.keys import photometry_settings
from cte_lake.pipeline.ingest.plan import Plan


def tasks_of(arguments: IngestArguments, plan: Plan) -> list[MeasureTask]:
    """Return one task for each exposure that the plan wants measured."""
    config = arguments.settings.config
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
        )
        for candidate, chip in plan.ready.values()
    ]
