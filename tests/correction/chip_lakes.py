"""Lakes whose chips have losses of their own, in a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.simulated_photometry import draw_stars, fill_lake, simulate_photometry
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.simulate.exposure import Settings
from cte_lake.simulate.law import DEFAULT_COEFFICIENTS, CTELaw
from cte_lake.simulate.program import TARGETS, nominal_visit, program_180, proposal_at

#: Factors of the default law on chip 1 and chip 2.
CHIPS = {1: 0.9, 2: 1.1}


def law_of(chip: int) -> CTELaw:
    """The law of a chip; the default one is next to nothing at launch."""
    return CTELaw(tuple(tuple(CHIPS[chip] * c for c in row) for row in DEFAULT_COEFFICIENTS))


def settings_of(chip: int) -> Settings:
    return replace(Settings(seed=5), law=law_of(chip))


def chip_lake(root: Path, epochs: int = 6, stars: int = 700, filetypes: tuple[str, ...] = ("flt",)) -> Path:
    """Make a lake of nominal visits and a 180-degree set; one exposure of the fourth visit has no partner."""
    create_lake(stored(root))
    drawn = draw_stars(TARGETS["ngc104"], stars, seed=2)
    images = []
    for number in range(epochs):
        mjd = 55150.0 + 900.0 * number
        flashes = (0, 12) if number % 3 == 2 else (0,)
        visit = nominal_visit(
            TARGETS["ngc104"], mjd, visit=f"{number + 1:02d}", proposal=proposal_at(mjd)[0], flashes=flashes
        )
        for plan in visit.exposures:
            chip = 1 if plan.postarg2 else 2
            if not (number == 3 and chip == 1):
                images += [
                    simulate_photometry(
                        plan,
                        drawn,
                        settings_of(chip),
                        chip=chip,
                        filetype=filetype,
                        radii=(3,),
                        scatter=0.005,
                    )
                    for filetype in filetypes
                ]
    fill_lake(stored(root), images, drawn)
    rolled = draw_stars(TARGETS["ngc6583"], 2 * stars, seed=3)
    program = program_180()
    plans = {plan.rootname: plan for plan in program.exposures}
    turned = [
        simulate_photometry(
            plans[name], rolled, settings_of(pair.chip or 2), chip=pair.chip or 2, flipped=bool(k), radii=(3,)
        )
        for pair in program.pairs
        for k, name in enumerate((pair.first, pair.second))
    ]
    fill_lake(stored(root), turned, rolled)
    return root
