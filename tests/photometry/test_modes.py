from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

from cte_lake.photometry import MODES, settings_for


def test_modes_differ_and_survive_json() -> None:
    records = [json.dumps(settings_for(mode).as_dict(), sort_keys=True) for mode in MODES]
    assert len(set(records)) == len(MODES) == 3
    for mode, record in zip(MODES, records, strict=True):
        values = json.loads(record)
        algorithm, name = values.pop("algorithm"), values.pop("mode")
        again = settings_for(name, **values)
        assert (again, algorithm, name) == (settings_for(mode), settings_for(mode).algorithm, mode)


def test_overrides_and_their_words() -> None:
    got = settings_for("iraf", radii=[3, 5], annulus_inner=11, centring="off", masked_fraction_limit=0.5)
    assert got.radii == (3.0, 5.0)
    assert (got.annulus_outer, got.centring) == (21.0, "off")
    assert settings_for("iraf", centring=True).centring == "iraf"
    assert settings_for("photutils2017", centring="on").centring == "window"
    with pytest.raises(FrozenInstanceError):
        got.mode = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"radii": [3, 2]}, "ascending"),
        ({"radii": []}, "ascending"),
        ({"sky_method": "guess"}, "median, mean, mode"),
        ({"clip_sigma": 1.0}, "at least 2"),
        ({"annulus_width": 0}, "annulus_width is 0"),
        ({"max_shift": float("nan")}, "max_shift is nan"),
        ({"position_offset": "x"}, "position_offset is 'x'; it must be a number"),
        ({"annulus_inner": float("inf")}, "annulus_inner is inf; it must be a number"),
        ({"saturation_level": -1}, "saturation_level is -1; it must be positive"),
        ({"masked_fraction_limit": 2}, "within 0 and 1"),
        ({"masked_light_limit": -0.1}, "masked_light_limit is -0.1"),
        ({"centring_box": 4}, "odd"),
        ({"neighbour_distance": -1}, "negative"),
        ({"apertures": [3]}, "no setting 'apertures'"),
        ({"algorithm": 7}, "no setting 'algorithm'"),
        ({"engine": "photutils", "overlap": "iraf"}, "exact overlap only"),
    ],
)
def test_wrong_values_are_refused_with_their_name(overrides: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settings_for("standard", **overrides)


def test_unknown_mode() -> None:
    with pytest.raises(ValueError, match="there are standard, photutils2017, iraf"):
        settings_for("daophot")
