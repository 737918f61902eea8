"""Simulated monitor programs: real-format frames and master catalogs with a known CTE loss."""

from cte_lake.simulate.detector import Detector
from cte_lake.simulate.exposure import Settings, SimulatedExposure, simulate_exposure
from cte_lake.simulate.law import NO_LOSS, CTELaw
from cte_lake.simulate.optics import Optics
from cte_lake.simulate.program import (
    TARGETS,
    ExposurePlan,
    PlannedPair,
    Program,
    Target,
    Visit,
    WCSError,
    nominal_program,
    nominal_visit,
    program_180,
    with_anomalies,
    with_wcs_errors,
)
from cte_lake.simulate.simulate_program import SimulatedProgram, simulate_program, simulate_programs
from cte_lake.simulate.stars import StarField, make_field, master_table, write_master
from cte_lake.simulate.write import write_exposure

__all__ = [
    "NO_LOSS",
    "TARGETS",
    "CTELaw",
    "Detector",
    "ExposurePlan",
    "Optics",
    "PlannedPair",
    "Program",
    "Settings",
    "SimulatedExposure",
    "SimulatedProgram",
    "StarField",
    "Target",
    "Visit",
    "WCSError",
    "make_field",
    "master_table",
    "nominal_program",
    "nominal_visit",
    "program_180",
    "simulate_exposure",
    "simulate_program",
    "simulate_programs",
    "with_anomalies",
    "with_wcs_errors",
    "write_exposure",
    "write_master",
]
