from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.errors import LakeError
from cte_lake.lake import versions
from cte_lake.lake.stored import stored
from cte_lake.lake.versions import read_row
from cte_lake.pipeline.align.alignment_rows import (
    ALIGNED,
    QUARANTINED,
    WcsSolution,
    alignment_for,
    alignment_states,
    solution_hash,
    wcs_cards,
    write_solution,
)
from cte_lake.pipeline.crmask.mask_rows import CRMask, crmask_states, mask_for, write_mask
from tests.pipeline.headerlets import headerlet_path

EXPOSURE = {
    "imagename": "ic7802aaq_flc.fits",
    "filetype": "flc",
    "target": "ngc104",
    "proposal": 14378,
    "visit": "02",
    "filter": "F502N",
    "exptime": 348.0,
    "mjd": 57601.3,
    "flash": 0,
    "chinject": "NONE",
    "path": "/data/ic7802aaq_flc.fits",
    "file_size": 1,
    "file_mtime_ns": 2,
    "settings_hash": "aa",
    "software": "0",
}
ALIGN_ROW = EXPOSURE | {"engine": "tweakwcs", "master_hash": "bb", "checksum": "cc", "n_matched": 812}
CRMASK_ROW = EXPOSURE | {"n_exposures": 4}


def _headerlet(crval1: float) -> tuple[bytes, dict[int, dict[str, object]]]:
    import io

    hdus = [fits.PrimaryHDU()]
    cards = {}
    for extver, chip in ((1, 2), (2, 1)):
        hdu = fits.ImageHDU(name="SIPWCS", ver=extver)
        hdu.header.update(
            {"CRVAL1": crval1 + chip, "A_2_0": 2.8e-6, "CTYPE1": "RA---TAN-SIP", "CCDCHIP": chip}
        )
        hdu.header["IDCSCALE"] = 0.0398
        hdus.append(hdu)
        cards[chip] = wcs_cards(hdu.header)
    stream = io.BytesIO()
    fits.HDUList(hdus).writeto(stream)
    return stream.getvalue(), cards


def _solution(crval1: float) -> tuple[WcsSolution, bytes]:
    headerlet, cards = _headerlet(crval1)
    solution = WcsSolution("ic7802aaq", ALIGNED, hash=solution_hash(ALIGNED, cards), cards=cards)
    return solution, headerlet


def test_solution_comes_back_with_its_cards_only(tmp_path):
    solution, headerlet = _solution(5.6)
    version = write_solution(stored(tmp_path), "0a0a0a0a", solution, headerlet, ALIGN_ROW)
    back = alignment_for(stored(tmp_path), "IC7802AAQ")
    assert back == solution
    assert set(back.cards[2]) == {"CRVAL1", "A_2_0", "CTYPE1"}
    row = read_row(version)
    assert (row["n_matched"], row["status"], row["reason"], row["revision"]) == (812, "aligned", None, 1)
    assert headerlet_path(stored(tmp_path), "ic7802aaq").name == row["headerlet"]


def test_same_work_twice_is_one_file_and_new_work_wins(tmp_path):
    first, headerlet = _solution(5.6)
    write_solution(stored(tmp_path), "0a0a0a0a", first, headerlet, ALIGN_ROW)
    write_solution(stored(tmp_path), "0a0a0a0a", first, headerlet, ALIGN_ROW)
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    second, headerlet = _solution(5.7)
    write_solution(stored(tmp_path), "0b0b0b0b", second, headerlet, ALIGN_ROW)
    assert alignment_for(stored(tmp_path), "ic7802aaq").cards[1]["CRVAL1"] == pytest.approx(6.7)
    assert alignment_states(stored(tmp_path))["ic7802aaq"].key == "0b0b0b0b"
    # Back to the first inputs: the highest revision counts, not the first file of that content.
    write_solution(stored(tmp_path), "0a0a0a0a", first, headerlet, ALIGN_ROW)
    assert alignment_states(stored(tmp_path))["ic7802aaq"].revision == 3


def test_quarantined_solution_says_why(tmp_path):
    solution = WcsSolution(
        "ic7802aaq", QUARANTINED, "few_matches", "3 matches of 200", solution_hash(QUARANTINED, {})
    )
    write_solution(stored(tmp_path), "0a0a0a0a", solution, None, ALIGN_ROW)
    back = alignment_for(stored(tmp_path), "ic7802aaq")
    assert (back.status, back.reason, back.detail, back.cards) == (
        "quarantined",
        "few_matches",
        "3 matches of 200",
        {},
    )
    assert headerlet_path(stored(tmp_path), "ic7802aaq") is None


def test_nothing_known_is_none(tmp_path):
    assert alignment_for(stored(tmp_path), "ic7802aaq") is None
    assert mask_for(stored(tmp_path), "ic7802aaq") is None
    assert alignment_states(stored(tmp_path)) == {}


@pytest.mark.parametrize("rootname", ["../../x", "ic78/2aaq", "", "IC7802AAQ"])
def test_root_name_that_is_no_name_makes_no_path(tmp_path, rootname):
    with pytest.raises(LakeError, match="cannot be part of a path"):
        versions.current(tmp_path, rootname)


def test_unreadable_headerlet_names_the_remedy(tmp_path):
    solution, headerlet = _solution(5.6)
    write_solution(stored(tmp_path), "0a0a0a0a", solution, headerlet, ALIGN_ROW)
    headerlet_path(stored(tmp_path), "ic7802aaq").write_bytes(b"not FITS")
    with pytest.raises(LakeError, match="align --overwrite"):
        alignment_for(stored(tmp_path), "ic7802aaq")


def test_mask_comes_back_bit_for_bit_and_small(tmp_path):
    rng = np.random.default_rng(4)
    arrays = {chip: rng.random((2051, 512)) < 0.01 for chip in (1, 2)}
    mask = CRMask("ic7802aaq", "drizzle", arrays, {1: 3.25, 2: 3.1})
    version = write_mask(stored(tmp_path), "0a0a0a0a", mask, CRMASK_ROW)
    back = mask_for(stored(tmp_path), "ic7802aaq")
    assert back.method == "drizzle"
    assert back.sky == {1: 3.25, 2: 3.1}
    for chip in (1, 2):
        np.testing.assert_array_equal(back.array(chip), arrays[chip])
    assert back.hash == version.hash == crmask_states(stored(tmp_path))["ic7802aaq"].hash
    assert version.beside(".fits").head().size < 2 * 2051 * 512 / 8
    with pytest.raises(LakeError, match="no chip 3"):
        back.array(3)


def test_mask_hash_changes_with_one_pixel(tmp_path):
    array = np.zeros((20, 30), bool)
    one = write_mask(stored(tmp_path), "0a0a0a0a", CRMask("ic7802aaq", "single", {2: array}), CRMASK_ROW)
    changed = array.copy()
    changed[3, 4] = True
    two = write_mask(stored(tmp_path), "0a0a0a0a", CRMask("ic7802aaq", "single", {2: changed}), CRMASK_ROW)
    assert one.hash != two.hash
    assert two.revision == 2
    assert mask_for(stored(tmp_path), "ic7802aaq").array(2).sum() == 1


def test_interrupted_write_leaves_no_product(tmp_path, monkeypatch):
    def disk_full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(LakeError, match=r"(?i)no space|room|full"):
        write_mask(
            stored(tmp_path),
            "0a0a0a0a",
            CRMask("ic7802aaq", "single", {2: np.ones((4, 4), bool)}),
            CRMASK_ROW,
        )
    assert mask_for(stored(tmp_path), "ic7802aaq") is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
