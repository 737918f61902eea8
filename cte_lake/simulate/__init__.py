"""Simulated monitor programs: real-format frames, master catalogs and photometry with a known CTE loss."""

from cte_lake.simulate.detector import Detector
from cte_lake.simulate.exposure import Settings, SimulatedExposure, simulate_exposure
from cte_lake.simulate.law import NO_LOSS, CTELaw
from cte_lake.simulate.optics import Optics
from cte_lake.simulate.photometry import (
    ChipStars,
    SimulatedPhotometry,
    draw_stars,
    fill_lake,
    simulate_pair_photometry,
    simulate_photometry,
    simulate_program_photometry,
)
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
    "ChipStars",
    "Detector",
    "ExposurePlan",
    "Optics",
    "PlannedPair",
    "Program",
    "Settings",
    "SimulatedExposure",
    "SimulatedPhotometry",
    "SimulatedProgram",
    "StarField",
    "Target",
    "Visit",
    "WCSError",
    "draw_stars",
    "fill_lake",
    "make_field",
    "master_table",
    "nominal_program",
    "nominal_visit",
    "program_180",
    "simulate_exposure",
    "simulate_pair_photometry",
    "simulate_photometry",
    "simulate_program",
    "simulate_program_photometry",
    "simulate_programs",
    "with_anomalies",
    "with_wcs_errors",
    "write_exposure",
    "write_master",
]
