"""A lake of simulated photometry: several epochs and flash levels, made in a second."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from benchmarks.simulated_photometry import draw_stars, simulate_program_photometry
from cte_lake.lake.commit import write_exposure
from cte_lake.lake.create import create_lake
from cte_lake.lake.paths import Partition, phot_file
from cte_lake.lake.stored import stored
from cte_lake.lake.write import conform, write_table
from cte_lake.simulate.program import TARGETS, nominal_program, program_180

EPOCHS = (55466.0, 55850.0, 56250.0, 56680.0, 57050.0, 57401.0)


def write_images(root: Path, images) -> None:
    for image in images:
        record = image.record
        partition = Partition(record["target"], record["proposal"], record["flash"], record["filetype"])
        path = phot_file(partition, record["rootname"], record["phot_key"])
        write_table(root / path, conform(pa.table(image.columns), "phot"))
        write_exposure(stored(root), partition, record)


def make_lake(root: Path, stars: int = 4000, flashes: tuple[int, ...] = (0, 12)) -> Path:
    create_lake(stored(root))
    nominal = nominal_program(TARGETS["ngc104"], EPOCHS, flashes=flashes)
    write_images(
        root, simulate_program_photometry(nominal, draw_stars(TARGETS["ngc104"], stars), filetypes=("flt",))
    )
    turned = program_180()
    field = draw_stars(TARGETS["ngc6583"], stars)
    write_images(root, simulate_program_photometry(turned, field, filetypes=("flt",)))
    return root
