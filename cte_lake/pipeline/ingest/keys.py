"""Hashes that decide whether an exposure has to be measured again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from cte_lake.config import Config, Settings
from cte_lake.digests import digest
from cte_lake.errors import ConfigError

if TYPE_CHECKING:
    from cte_lake.photometry import PhotometrySettings

#: Raised when the way from frame to rows changes the numbers though no setting did.
INGEST_ALGORITHM = 2

#: Raised when headers are judged differently though no setting changed: they are read again.
SCREENING_ALGORITHM = 2


def photometry_settings(config: Config) -> PhotometrySettings:
    """Build the photometry's settings from the configuration.

    Raises
    ------
    ConfigError
        If an override is unknown or its value is not allowed.
    """
    from cte_lake.photometry import settings_for

    stated = config.photometry
    for key in {"mode", "radii", "engine"}.intersection(stated.overrides):
        raise ConfigError(f"photometry.overrides.{key}: set photometry.{key} instead")
    try:
        return settings_for(stated.mode, radii=stated.radii, engine=stated.engine, **stated.overrides)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"photometry.overrides: {error}") from error


def settings_hash(config: Config) -> str:
    """Hash of everything configured that decides the numbers of a measurement."""
    stated, admission = config.photometry, config.admission
    # What is refused has no numbers; where nothing is, the limits say whose apertures follow the stars.
    limits = {} if admission.enabled else {"admission": asdict(admission)}
    return digest(
        {
            "algorithm": INGEST_ALGORITHM,
            "settings": photometry_settings(config).as_dict(),
            "pam": _pam_identity(stated.pam_dir),
            "edge_margin": stated.edge_margin,
            "good_bits": sorted(stated.good_bits),
        }
        | limits
    )


def _pam_identity(folder: str) -> list[str]:
    if not folder:
        return ["distortion"]
    from cte_lake.frames.opening import checksum

    maps = sorted(Path(folder).glob("UVIS*wfc3_map.fits"))
    if not maps:
        raise ConfigError(f"photometry.pam_dir: {folder!r} holds no UVIS?wfc3_map.fits")
    return [f"{path.name}:{checksum(path)}" for path in maps]


def rules_hash(settings: Settings) -> str:
    """Hash of everything configured that decides whether and as what an exposure is measured."""
    return digest([SCREENING_ALGORITHM, settings.hash("targets", "exclusions", "chips", "admission")])


def refusal_hash(rules: str, settings: str) -> str:
    """Hash of what a refusal rests on: with other rules or settings a file is looked at anew."""
    return f"{rules}{settings}"


def phot_key(
    *,
    checksum: str,
    target: str,
    chip: int,
    master_hash: str,
    settings_hash: str,
    alignment_hash: str | None,
    crmask_hash: str | None,
) -> str:
    """Hash of all that a photometry file's numbers follow from; part of the file's name."""
    return digest([checksum, target, chip, master_hash, settings_hash, alignment_hash, crmask_hash])
