"""Small tables of the views' shapes, from a smooth law of the published size with noise of a fixed seed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa

TIME_BINS = ((500.0, 2000.0), (2000.0, 8000.0), (8000.0, 32000.0))
FLUX_BINS = (
    (250.0, 500.0),
    (500.0, 1000.0),
    (1000.0, 2000.0),
    (2000.0, 4000.0),
    (4000.0, 8000.0),
    (8000.0, 32000.0),
)
EPOCHS = (55106.0, 55466.0, 55854.0, 56236.0, 56673.0, 57055.0, 57221.0, 57601.0)


def law(mjd: float, flux: float, flash: float = 0.0, filetype: str = "flt") -> float:
    """Loss per 2048 rows: linear in time and log flux, less under a background and after the correction."""
    loss = (0.015 + 1.15e-4 * (mjd - 54970)) * max(1.9 - 0.42 * np.log10(flux), 0.02)
    return loss / (1 + 0.09 * flash) * (0.35 if filetype == "flc" else 1.0)


def losses(
    targets: tuple[str, ...] = ("ngc104", "ngc6791"),
    bins: tuple[tuple[float, float], ...] = TIME_BINS,
    flashes: tuple[int, ...] = (0,),
    filetypes: tuple[str, ...] = ("flt",),
    epochs: tuple[float, ...] = EPOCHS,
    lengths: tuple[str, ...] = ("l",),
    modelled: bool = False,
) -> pa.Table:
    """Rows of ``cte_vs_time`` and its sisters; with the law itself as their model's loss if wanted."""
    noise = np.random.default_rng(20240611)
    rows = []
    for target in targets:
        stars = {"ngc104": 2400, "ngc6791": 260}.get(target, 900)
        for mjd in epochs:
            for flash in flashes:
                for filetype, length, (low, high) in product(filetypes, lengths, bins):
                    flux = float(np.sqrt(low * high))
                    n = int((0.4 if length == "s" else 1.0) * stars * (1000.0 / flux) ** 0.6)
                    error = 0.35 * (250.0 / flux) ** 0.35 / np.sqrt(n)
                    loss = law(mjd, flux, flash, filetype) + error * noise.normal()
                    image = f"{target}{mjd:.0f}{flash}{filetype}{length}"
                    rows.append(
                            {
                                "pair_id": image, "target": target, "proposal": 14378, "visit": "02",
                                "filter": "F502N", "length": length, "flash": flash,
                                "exptime": 348.0 if length == "l" else 30.0, "filetype": filetype,
                                "mjd": mjd, "epoch": mjd, "aperture": 3, "estimator": "mean_flux",
                                "bin_lo": low, "bin_hi": high, "mean_flux": flux,
                                "n": n, "cte_loss": loss, "cte_loss_err": error, "background": flash + 1.4,
                            }
                            | ({"model_loss": law(mjd, flux, flash, filetype)} if modelled else {})
                        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def curves_in_time(table: pa.Table) -> pa.Table:
    """The law itself, for every target and flux bin of a table of losses."""
    rows = []
    keys = sorted({(r["target"], r["bin_lo"], r["bin_hi"]) for r in table.to_pylist()})
    for target, low, high in keys:
        for mjd in np.linspace(min(EPOCHS), max(EPOCHS), 25):
            loss = law(mjd, float(np.sqrt(low * high)))
            rows.append(
                {
                    "target": target,
                    "bin_lo": low,
                    "bin_hi": high,
                    "mjd": mjd,
                    "loss": loss,
                    "loss_err": 0.05 * loss,
                }
            )
    return pa.Table.from_pylist(rows)


def curves_in_flux(table: pa.Table) -> pa.Table:
    """The law itself, for every target and epoch of a table of losses."""
    rows = []
    for target, epoch in sorted({(r["target"], r["epoch"]) for r in table.to_pylist()}):
        for flux in np.geomspace(250, 32000, 40):
            loss = law(epoch, float(flux))
            rows.append(
                {"target": target, "epoch": epoch, "flux": flux, "loss": loss, "loss_err": 0.04 * loss}
            )
    return pa.Table.from_pylist(rows)


def stars(
    bins: tuple[tuple[float, float], ...] = FLUX_BINS, mjd: float = 57601.0, many: int = 700
) -> pa.Table:
    """Matched stars of a pair by flux bin."""
    noise = np.random.default_rng(7)
    tables = []
    for low, high in bins:
        flux = float(np.sqrt(low * high))
        n = int(many * (500.0 / flux) ** 0.5) + 20
        y = noise.uniform(0, 2050, n)
        ratio = 1 + 2 * law(mjd, flux) * (y - 1024) / 2048 + noise.normal(0, 0.25 * (250 / flux) ** 0.4, n)
        kept = noise.uniform(size=n) > 0.02
        ratio[~kept] *= noise.choice([0.5, 2.0], int((~kept).sum()))
        columns = {
            "bin_lo": np.full(n, low),
            "bin_hi": np.full(n, high),
            "y": y,
            "ratio": ratio,
            "kept": kept,
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def fits(bins: tuple[tuple[float, float], ...] = FLUX_BINS, mjd: float = 57601.0) -> pa.Table:
    """Fitted lines of a pair by flux bin."""
    rows = []
    for low, high in bins:
        loss = law(mjd, float(np.sqrt(low * high)))
        rows.append(
            {
                "bin_lo": low, "bin_hi": high, "n": 500, "slope": 2 * loss / 2048, "slope_err": 1.1e-5,
                "intercept": 1 - loss, "distance_mean": 1024.0, "distance_std": 592.0, "cte_loss": loss,
                "cte_loss_err": 0.011,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def rolled(bins: tuple[tuple[float, float], ...] = TIME_BINS) -> pa.Table:
    """Losses of the 180-degree set."""
    noise = np.random.default_rng(3)
    rows = []
    for chip, exptime, (low, high), filetype in product((1, 2), (60.0, 348.0), bins, ("flt", "flc")):
        flux = float(np.sqrt(low * high))
        error = 0.02 * (1000 / flux) ** 0.3
        loss = law(56103, flux, 0.002 * exptime, filetype) + error * noise.normal()
        rows.append(
            {
                "pair_id": f"{chip}{exptime}{filetype}", "target": "ngc6583", "filter": "F502N", "flash": 0,
                "chip": chip, "exptime": exptime, "length": "s" if exptime <= 60 else "l", "bin_lo": low,
                "bin_hi": high, "mean_flux": flux, "cte_loss": loss, "cte_loss_err": error, "n": 800,
                "filetype": filetype,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def of_chips() -> pa.Table:
    """Rows of ``chips``: chip 2 loses a tenth more."""
    noise = np.random.default_rng(18)
    rows = [
        {
            "target": "ngc104", "filter": "F502N", "length": "l", "filetype": "flt", "flash": 0, "chip": chip,
            "mjd": mjd, "bin_lo": low, "bin_hi": high, "loss_err": 0.004 * (1000 / low) ** 0.5,
            "loss": factor * law(mjd, (low * high) ** 0.5) + 0.004 * (1000 / low) ** 0.5 * noise.normal(),
            "fixed_by": "no loss at launch", "n": 400,
        }
        for chip, factor in ((1, 0.95), (2, 1.05))
        for mjd in EPOCHS
        for low, high in FLUX_BINS
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def corrected() -> pa.Table:
    """Losses before and after a correction."""
    noise = np.random.default_rng(11)
    rows = []
    for row in losses().to_pylist():
        rows.append(row | {"state": "measured"})
        rows.append(row | {"state": "corrected", "cte_loss": row["cte_loss_err"] * noise.normal()})
    return pa.Table.from_pylist(rows)


def far_stars() -> tuple[pa.Table, pa.Table]:
    """Stars far from the amplifiers and their running mean."""
    noise = np.random.default_rng(5)
    tables, means = [], []
    for low, high in TIME_BINS:
        flux = float(np.sqrt(low * high))
        for flash in (0, 6, 12, 18, 24, 33):
            n = 160
            level = noise.normal(flash + 1.5, 0.4, n)
            kept = 1 - law(57601, flux, flash) + noise.normal(0, 0.12 * (500 / flux) ** 0.4, n)
            tables.append(
                pa.table(
                    {
                        "bin_lo": np.full(n, low),
                        "bin_hi": np.full(n, high),
                        "background": level,
                        "kept_flux": kept,
                    }
                )
            )
            means.append(
                {
                    "bin_lo": low, "bin_hi": high, "background": float(level.mean()),
                    "mean": float(kept.mean()), "mean_err": float(kept.std() / np.sqrt(n)), "n": n,
                }
            )  # fmt: skip
    return pa.concat_tables(tables), pa.Table.from_pylist(means)


def recovery() -> pa.Table:
    """Shares of stars recovered."""
    noise = np.random.default_rng(8)
    rows = []
    for mjd in EPOCHS:
        for low, high in ((50.0, 75.0), (75.0, 100.0), (100.0, 250.0)):
            for far in (False, True):
                share = min(1.0, 1 - (2.5 if far else 0.5) * law(mjd, 8 * low) + 0.01 * noise.normal())
                rows.append(
                    {
                        "rootname": f"{mjd}", "target": "ngc104", "filter": "F502N", "length": "l",
                        "flash": 0, "mjd": mjd, "bin_lo": low, "bin_hi": high, "far": far,
                        "recovered": share, "recovered_low": share - 0.008,
                        "recovered_high": min(share + 0.008, 1.0), "n_flc": 1500, "n_unjudged": 2,
                    }
                )  # fmt: skip
    return pa.Table.from_pylist(rows)


def compared() -> pa.Table:
    """The same slopes measured twice."""
    noise = np.random.default_rng(9)
    rows = []
    for row in losses().to_pylist():
        other = row["cte_loss"] * 1.01 + 0.4 * row["cte_loss_err"] * noise.normal()
        rows.append(
            {key: row[key] for key in ("pair_id", "target", "filter", "flash", "filetype")}
            | {
                "bin_lo": row["bin_lo"], "bin_hi": row["bin_hi"],
                "cte_loss_1": row["cte_loss"], "cte_loss_err_1": row["cte_loss_err"],
                "cte_loss_2": other, "cte_loss_err_2": 1.1 * row["cte_loss_err"],
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def history() -> pa.Table:
    """One star in all its exposures."""
    noise = np.random.default_rng(12)
    rows = []
    for mjd in EPOCHS:
        for chip, y in ((2, 1810.0), (1, 1790.0)):
            for filetype in ("flt", "flc"):
                distance = y if chip == 2 else 2051 - y
                flux = 1500 * (1 - law(mjd, 1500, 0, filetype) * distance / 2048) + 35 * noise.normal()
                rows.append(
                    {
                        "mjd": mjd, "chip": chip, "filetype": filetype, "flux": flux, "flux_err": 38.0,
                        "sky": 1.4 + 0.2 * noise.normal(), "y": y + noise.normal(), "master_id": 4711,
                        "target": "ngc104", "filter": "F502N", "length": "l", "flash": 0,
                    }
                )  # fmt: skip
    return pa.Table.from_pylist(rows)


def coverage() -> pa.Table:
    """What is in a lake."""
    rows = []
    flashes = {"ngc104": (0, 6, 12, 18, 24, 33, 55, 91, 116), "ngc6791": (0, 12), "ngc6583": (0,)}
    for target, levels in flashes.items():
        for number, mjd in enumerate(EPOCHS if target != "ngc6583" else (56103.0,)):
            for flash in levels:
                if (flash and mjd < 56200) or (flash in (18, 24) and mjd < 57500):
                    continue
                for filter_, length in (("F502N", "l"), ("F502N", "s"), ("F606W", "l"))[: 1 if flash else 3]:
                    rows.append(
                        {
                            "target": target, "proposal": 13083 + number, "visit": f"{flash % 100:02d}",
                            "filter": filter_, "length": length, "flash": flash, "mjd": mjd,
                            "n_exposures": 4 + 4 * (flash == 0), "n_pairs": 0 if filter_ == "F606W" else 2,
                        }
                    )  # fmt: skip
    return pa.Table.from_pylist(rows)


def frame(ny: int = 256, nx: int = 512) -> tuple[np.ndarray, pa.Table]:
    """A chip averaged over 8 x 8 pixels, and the stars on it."""
    noise = np.random.default_rng(13)
    image = noise.normal(1.5, 0.5, (ny, nx))
    x, y, flux = noise.uniform(0, 8 * nx, 900), noise.uniform(0, 8 * ny, 900), 10 ** noise.uniform(2, 5, 900)
    np.add.at(image, ((y // 8).astype(int), (x // 8).astype(int)), flux / 64)
    return image, pa.table({"x": x, "y": y, "flux": flux})
