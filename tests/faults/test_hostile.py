"""Headers, catalogs and configurations from a fuzzer: refused in a sentence, or taken; never a defect."""

# A refusal is one of two good ends, so it cannot be demanded by pytest.raises.
# ruff: noqa: PT017

import math
import shutil

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, CteLakeError, LakeError, Rejected
from cte_lake.frames.exposure import read_exposure
from cte_lake.lake.paths import Partition, exposure_file
from cte_lake.masters.read import read_master

FUZZ = settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
PRIMARY = """ROOTNAME TARGNAME PROPOSID EXPSTART EXPTIME FILTER CHINJECT FLASHSTA FLASHLVL POSTARG1 POSTARG2
    SUBARRAY INSTRUME DETECTOR EXPFLAG CAL_VER"""
SCIENCE = "CRPIX1 CRVAL1 CD1_1 CTYPE1 MDRIZSKY BUNIT BINAXIS1 CCDCHIP A_ORDER NAXIS1"
VALUES = st.one_of(
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(
        ["", " ", "../../x", "NaN", "INDEF", "0", "-1", "1e400", "'", "a/b", "NGC104;--", "\\x00"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    st.none(),
)


@FUZZ
@given(
    changes=st.lists(
        st.one_of(
            st.tuples(st.just(0), st.sampled_from(PRIMARY.split()), VALUES),
            st.tuples(st.just(1), st.sampled_from(SCIENCE.split()), VALUES),
        ),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_hostile_headers_are_refused_or_taken(small_visit, tmp_path, changes):
    frame = tmp_path / small_visit.frames[0].name
    shutil.copyfile(small_visit.frames[0], frame)
    with fits.open(frame, mode="update", output_verify="ignore", checksum=False) as hdus:
        for extension, keyword, value in changes:
            try:
                hdus[extension].header[keyword] = value
            except (ValueError, fits.VerifyError):
                # No FITS card can hold it.
                continue
    try:
        exposure = read_exposure(frame)
    except Rejected as refusal:
        assert refusal.reason
        assert len(str(refusal)) > 20
        return
    assert math.isfinite(exposure.exptime)
    assert math.isfinite(exposure.mjd)
    # What it says may name files: inside the lake, or not at all.
    try:
        partition = Partition("ngc104", exposure.proposal, exposure.flash, exposure.filetype)
        path = exposure_file(partition, exposure.rootname, "standard", "ab" * 8, 1)
    except LakeError:
        return
    assert ".." not in path.split("/")


@FUZZ
@given(
    cut=st.integers(0, 100),
    flips=st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 255)), max_size=20),
)
def test_broken_frames_are_refused_or_taken(small_visit, tmp_path, cut, flips):
    content = bytearray(small_visit.frames[0].read_bytes())
    for at, value in flips:
        content[at % min(len(content), 60_000)] = value
    frame = tmp_path / small_visit.frames[0].name
    frame.write_bytes(content[: len(content) * cut // 100])
    try:
        read_exposure(frame)
    except Rejected as refusal:
        assert str(refusal)


LINES = st.lists(
    st.one_of(
        st.just("1 100.0 200.0 5.65 -72.07"),
        st.tuples(st.integers(-5, 10**20), *[st.floats()] * 4).map(lambda row: " ".join(map(str, row))),
        st.text(max_size=40),
    ),
    max_size=8,
)


@FUZZ
@given(lines=LINES, suffix=st.sampled_from([".cat", ".csv", ".ecsv", ".txt"]))
def test_hostile_catalogs_are_refused_with_the_row_or_taken(tmp_path, lines, suffix):
    path = tmp_path / f"c{suffix}"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        catalog = read_master(path)
    except CteLakeError as error:
        assert path.name in str(error)
        return
    assert len(set(catalog.id.tolist())) == len(catalog) > 0


@FUZZ
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))
    )
)
@example(content=b"BZh")
@example(content=b"\x1f\x8b\x08")
def test_hostile_binary_catalogs_are_refused(tmp_path, content):
    for suffix in (".fits", ".parquet", ".xml", ".cat"):
        path = tmp_path / f"c{suffix}"
        path.write_bytes(content)
        try:
            read_master(path)
        except CteLakeError as error:
            assert path.name in str(error)


TOML = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text("abc", max_size=3), st.floats(allow_nan=False, width=32)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from(
    ["measure.aperture", "measure.flux_bins", "photometry.radii", "workers.count", "targets.ngc104.names",
     "exclusions.visits", "chips.short_limit", "align.thresholds", "measure", "x.y", "fetch.url"]
)  # fmt: skip


@FUZZ
@given(key=KEYS, value=TOML)
def test_hostile_settings_are_refused_by_name_or_taken(key, value):
    try:
        load_settings(flags={key: value}, environment={})
    except ConfigError as error:
        assert key.split(".")[0] in str(error)


@FUZZ
@given(text=st.text(max_size=120))
def test_a_hostile_settings_file_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "cte_lake.toml").write_text(text, encoding="utf-8", errors="replace")
    try:
        load_settings(tmp_path, environment={})
    except ConfigError as error:
        assert str(error)


def test_the_fuzzers_are_not_idle():
    with pytest.raises(ConfigError):
        load_settings(flags={"measure.aperture": "wide"}, environment={})
