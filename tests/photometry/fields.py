"""A small star field of our own for the photometry tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Field:
    """Stars of known place and flux on a flat sky with noise; arrays of shape (ny, nx) and (n,)."""

    data: npt.NDArray[np.float32]
    error: npt.NDArray[np.float32]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    flux: npt.NDArray[np.float64]


def make_field(
    seed: int,
    shape: tuple[int, int] = (300, 320),
    spacing: int = 25,
    sky: float = 12.0,
    sigma: float = 0.85,
    flux_range: tuple[float, float] = (300.0, 30_000.0),
    noise: bool = True,
) -> Field:
    """Return Gaussian stars near the crossings of a grid; read noise 3 e-, gain 1."""
    rng = np.random.default_rng(seed)
    ny, nx = shape
    grid_y, grid_x = np.mgrid[spacing / 2 : ny : spacing, spacing / 2 : nx : spacing]
    n = grid_x.size
    x = grid_x.ravel() + rng.uniform(-1.0, 1.0, n)
    y = grid_y.ravel() + rng.uniform(-1.0, 1.0, n)
    flux = 10.0 ** rng.uniform(*np.log10(flux_range), n)
    columns = np.exp(-0.5 * ((np.arange(nx) - x[:, None]) / sigma) ** 2)
    rows = np.exp(-0.5 * ((np.arange(ny) - y[:, None]) / sigma) ** 2)
    image = sky + (rows * (flux / (2 * np.pi * sigma**2))[:, None]).T @ columns
    error = np.sqrt(image + 9.0)
    data = rng.poisson(image) + rng.normal(0.0, 3.0, shape) if noise else image
    return Field(data.astype(np.float32), error.astype(np.float32), x, y, flux)
