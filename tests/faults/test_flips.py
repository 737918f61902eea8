"""One flipped bit in a file of the lake: verify names the file, or readers get the same numbers.

`FLIPS=500 pytest -s tests/faults/test_flips.py` is the campaign; `FAULT_SEED=2` flips other bits.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from cte_lake.config import load_settings
from cte_lake.correction.coefficient_files import find_coefficients, path_in_lake, write_coefficients
from cte_lake.errors import CteLakeError
from cte_lake.lake.maintenance.nightly import record_verification
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import reject_rows
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.alignment_rows import alignment_for, write_solution
from cte_lake.pipeline.crmask.mask_rows import CRMask, mask_for, write_mask
from cte_lake.pipeline.ingest.exposure_rows import write_reject
from tests.faults.trials import moments
from tests.lake.conftest import answers, filled, lake  # noqa: F401
from tests.model.sets import make_set
from tests.pipeline.test_stores import ALIGN_ROW, CRMASK_ROW, _solution

#: Bits flipped over the kinds of files; raise it for a campaign.
FLIPS = int(os.environ.get("FLIPS", "22"))
ROOTNAME = "ic7802aaq"


def mask_of(root):
    mask = mask_for(stored(root), ROOTNAME)
    return {chip: array.sum() for chip, array in mask.arrays.items()}, mask.sky


#: Each kind of file, and what readers get from it.
KINDS = {
    "phot/**/*.parquet": answers,
    "exposures/**/*.parquet": answers,
    "master/**/*.parquet": answers,
    "rejects/*.parquet": lambda root: reject_rows(stored(root)).to_pylist(),
    "alignment/*.parquet": lambda root: alignment_for(stored(root), ROOTNAME),
    "alignment/*.hlet.fits": lambda root: alignment_for(stored(root), ROOTNAME),
    "alignment/*.feather": lambda root: None,
    "crmasks/*.parquet": mask_of,
    "crmasks/*.fits": mask_of,
    "coefficients/*.toml": lambda root: find_coefficients("set", stored(root)),
    "cte_lake.toml": lambda root: load_settings(root, environment={}).config,
}
#: Of these, those whose readers look at checksums themselves.
REFUSED = {"alignment/*.hlet.fits", "crmasks/*.fits", "coefficients/*.toml"}


@pytest.fixture
def furnished(lake):  # noqa: F811
    """A lake with a file of every kind, verified once."""
    root = stored(lake)
    solution, headerlet = _solution(5.6)
    write_solution(root, "0a0a0a0a", solution, headerlet, ALIGN_ROW, matches=bytes(range(256)))
    noise = np.random.default_rng(3).random((2, 64, 64)) > 0.9
    mask = CRMask(ROOTNAME, "drizzle", {2: noise[0], 1: noise[1]}, {1: 12.5, 2: 13.0})
    write_mask(root, "0a0a0a0a", mask, CRMASK_ROW)
    write_coefficients(path_in_lake(root, "set"), make_set())
    words = {"stage": "open", "reason": "truncated", "detail": "is cut off", "settings_hash": "aa"}
    write_reject(root, Path("/data/ic7899aaq_flt.fits"), **words)
    with (lake / "cte_lake.toml").open("a") as settings:
        settings.write("photometry.edge_margin = 7\nmeasure.aperture = 5\n")
    record_verification(root, {"harmful": 0, "findings": []})
    return lake


def told(root, kind):
    """What readers get, or that they are told that they cannot have it."""
    try:
        return repr(KINDS[kind](root))
    except CteLakeError:
        return "refused"


@pytest.mark.slow
@pytest.mark.timeout(600 + 10 * FLIPS)
def test_a_flipped_bit_is_named_or_changes_no_number(furnished):
    draw, named = moments("flips"), {}
    assert verify(stored(furnished)).findings == ()
    before = {kind: told(furnished, kind) for kind in KINDS}
    assert "refused" not in before.values()
    for flip in range(FLIPS):
        kind = list(KINDS)[flip % len(KINDS)]
        path = draw.choice(sorted(furnished.glob(kind)))
        whole, times = path.read_bytes(), path.stat()
        damaged, place = bytearray(whole), draw.randrange(len(whole))
        damaged[place] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        # A disk that forgets a bit tells nobody the time.
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        found = {finding.path for finding in verify(stored(furnished)).findings if finding.harm}
        is_named = str(path.relative_to(furnished)) in found
        named.setdefault(kind, []).append(is_named)
        if not is_named:
            assert told(furnished, kind) == before[kind], (path.name, place)
        elif kind in REFUSED:
            assert told(furnished, kind) == "refused", (path.name, place)
        path.write_bytes(whole)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    for kind, those in named.items():
        print(f"{kind}: {len(those)} flips, {sum(those)} named, the others change nothing")
        # All but a flip in the words around a set's checksum.
        assert all(those) or "coefficients" in kind


def test_settings_that_somebody_edited_are_no_damage(furnished):
    with (furnished / "cte_lake.toml").open("a") as settings:
        settings.write("workers.count = 1\n")
    (finding,) = verify(stored(furnished)).findings
    assert (finding.check, finding.path, finding.harm) == ("settings", "cte_lake.toml", False)


def test_products_of_before_the_checksums_are_said_to_be_unverified(furnished):
    import pyarrow.parquet as pq

    (row,) = furnished.glob("crmasks/ic*.parquet")
    table = pq.read_table(row)
    pq.write_table(table.replace_schema_metadata(None), row)
    text = (furnished / "coefficients/set.toml").read_text().splitlines(keepends=True)
    (furnished / "coefficients/set.toml").write_text("".join(text[:-1]))
    found = verify(stored(furnished))
    assert found.passed
    assert [(f.check, f.path) for f in found.findings] == [
        ("unverified", "crmasks"),
        ("unverified", "coefficients"),
    ]


def test_a_lost_or_damaged_headerlet_is_made_again(furnished):
    root = stored(furnished)
    (path,) = furnished.glob("alignment/*.hlet.fits")
    solution, headerlet = _solution(5.6)
    for damaged in (b"", None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        assert not verify(stored(furnished)).passed
        write_solution(root, "0a0a0a0a", solution, headerlet, ALIGN_ROW, matches=bytes(range(256)))
        assert verify(stored(furnished)).passed
        assert alignment_for(root, ROOTNAME) == solution
