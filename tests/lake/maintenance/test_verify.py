import json
import os
import shutil
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cte_lake.frames.opening import checksum
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.quarantine import quarantine, to_put_aside
from cte_lake.lake.maintenance.readable import fault_of
from cte_lake.lake.maintenance.verify import changed_inputs, verify
from cte_lake.lake.stored import stored
from tests.lake.conftest import STARS, answers, current_exposure


def one(root, pattern):
    return sorted(root.rglob(pattern))[0]


def checks(found):
    return sorted({finding.check for finding in found.findings if finding.harm})


def test_a_whole_lake_passes(lake):
    found = verify(stored(lake))
    assert found.passed
    assert found.findings == ()
    assert (found.exposures, found.stars) == (8, 8 * STARS)
    assert found.files >= 17


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_single_bit_of_data_that_changed_is_found(lake, share):
    path = one(lake / "phot", "ic78*.parquet")
    group = pq.read_metadata(path).row_group(0)
    column = group.column(int(share * group.num_columns))
    content = bytearray(path.read_bytes())
    # The last bytes of a column are its data; checksums do not cover the headers of the pages.
    content[column.data_page_offset + column.total_compressed_size - 2] ^= 1
    path.write_bytes(content)
    found = verify(stored(lake))
    assert [f.path for f in found.findings if f.check in {"readable", "rows"}] == [
        str(path.relative_to(lake))
    ]


def test_missing_short_and_misplaced_files_are_named(lake):
    gone = one(lake / "phot", "ic7801aaq_flc*")
    gone.unlink()
    short, other = one(lake / "phot", "ic7801abq_flc*"), one(lake / "phot", "seed.parquet")
    shutil.copy(other, short)
    moved = one(lake / "exposures", "ic7801abq_flt*")
    moved.rename(moved.with_name(moved.name.replace(".r0001", ".r0007")))
    found = verify(stored(lake))
    details = {finding.check + " " + Path(finding.path).name for finding in found.findings}
    assert f"rows {gone.name}" in details
    assert f"rows {short.name}" in details
    assert any(text.startswith("name ic7801abq_flt") for text in details)
    assert any("number of rows (0) does not match n_stars" in f.detail for f in found.findings)


def test_orphans_and_leftovers_do_no_harm(lake, lakes):
    lakes.fill(lake, revision=2)
    (lake / "phot" / ".a.parquet.9-ff.tmp").write_bytes(b"half")
    found = verify(stored(lake))
    assert found.passed
    assert {finding.check for finding in found.findings} == {"orphan", "leftover"}


@pytest.mark.slow
def test_an_image_that_lost_its_row_is_told_from_one_whose_row_is_to_come(lake, lakes):
    lakes.fill(lake, revision=2)
    for path in (lake / "exposures").rglob("ic7801aaq_flt.*"):
        path.unlink()
    for days, passes in ((6, True), (8, False)):
        for path in (lake / "phot").rglob("*.parquet"):
            os.utime(path, (time.time() - days * 86_400,) * 2)
        assert verify(stored(lake)).passed == passes
    found = verify(stored(lake))
    # Of the other images the old photometry was replaced, which is no loss however old it is.
    lost = [finding for finding in found.findings if finding.harm]
    assert {Path(finding.path).name.split(".")[0] for finding in lost} == {"ic7801aaq_flt"}
    assert {finding.check for finding in lost} == {"lost"}
    assert "ic7801aaq_flt.fits has had no exposure row for 8 days" in lost[0].detail


@pytest.mark.parametrize("compacted", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_broken_photometry_is_put_aside_and_the_rest_answers(lake, compacted):
    before = answers(lake)
    if compacted:
        compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
        shutil.rmtree(lake / ".cache", ignore_errors=True)
    path = one(lake / "phot", "compact*" if compacted else "ic7801aaq_flt*")
    path.write_bytes(b"no parquet")
    found = verify(stored(lake))
    assert "readable" in checks(found)
    done = quarantine(stored(lake), to_put_aside(found.findings))
    assert done.files == (str(path.relative_to(lake)),)
    assert (lake / "quarantine" / path.relative_to(lake)).read_bytes() == b"no parquet"
    expected = {name: total for name, total in before.items() if name not in done.withdrawn}
    assert len(done.withdrawn) == (2 if compacted else 1)
    assert answers(lake) == expected
    assert verify(stored(lake)).passed
    assert all(current_exposure(stored(lake), name, "standard")["withdrawn"] for name in done.withdrawn)


def test_a_broken_exposure_row_is_put_aside_too(lake):
    before = answers(lake)
    path = one(lake / "exposures", "ic7801aaq_flt*")
    path.write_bytes(path.read_bytes()[:-20])
    found = verify(stored(lake))
    assert checks(found) == ["readable", "rows"]
    quarantine(stored(lake), to_put_aside(found.findings))
    after = answers(lake)
    assert after == {name: total for name, total in before.items() if name in after}
    assert len(after) == 7
    # Until the next ingest, which measures the frame again.
    assert checks(verify(stored(lake))) == ["lost"]


def test_inputs_that_changed_are_told_from_inputs_that_are_gone(lake, tmp_path, lakes):
    from benchmarks.simulated_photometry import fill_lake

    images = lakes.images("05")[:2]
    for i, image in enumerate(images):
        frame = tmp_path / f"frame{i}.fits"
        frame.write_bytes(b"pixels")
        image.record["path"] = str(frame)
        image.record["checksum"] = checksum(frame)
    fill_lake(stored(lake), images)
    mine = [f for f in changed_inputs(stored(lake), "standard", checksum) if "frame" in f.path]
    assert mine == []
    (tmp_path / "frame0.fits").write_bytes(b"other pixels")
    (tmp_path / "frame1.fits").unlink()
    mine = {
        f.path[-11:]: f.harm for f in changed_inputs(stored(lake), "standard", checksum) if "frame" in f.path
    }
    assert mine == {"frame0.fits"[-11:]: True, "frame1.fits"[-11:]: False}


def test_bytes_that_were_read_and_found_good_are_read_once_and_any_other_byte_is_found(lake, monkeypatch):
    opened = []

    def spy(place, quick=False, **how):
        opened.append(str(place))
        return fault_of(place, quick, **how)

    monkeypatch.setattr("cte_lake.lake.maintenance.verify.fault_of", spy)

    def nightly(share=0.999):
        opened.clear()
        found = verify(stored(lake), share=share)
        assert found.in_full == found.files
        return [(finding.check, Path(finding.path).name) for finding in found.findings], len(opened)

    assert nightly()[0] == []
    # Seeds of photometry bear no record: they are opened each time.
    assert nightly() == ([], 1)
    assert nightly(1.0)[1] == verify(stored(lake), quick=True).files
    assert nightly() == ([], 1)
    path = one(lake / "phot", "ic78*.parquet")
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(2):
        told, count = nightly()
        assert path.name in {name for _, name in told}
        assert count >= 2
    # What an earlier version found good is read again.
    kept = lake / ".cache/verified.json"
    kept.write_text(json.dumps({path: seen[:3] for path, seen in json.loads(kept.read_text()).items()}))
    assert nightly()[1] > 10


def test_a_share_reads_no_footer_twice_and_sees_what_changed(lake, monkeypatch):
    opened = []

    def spy(place, quick=False, **how):
        opened.append(str(place))
        return fault_of(place, quick, **how)

    monkeypatch.setattr("cte_lake.lake.maintenance.verify.fault_of", spy)

    def nightly(share=0.0):
        opened.clear()
        found = verify(stored(lake), share=share)
        return [(finding.check, Path(finding.path).name) for finding in found.findings], len(opened)

    first, count = nightly()
    assert (first, count) == ([], verify(stored(lake), quick=True).files)
    assert nightly() == ([], 1)
    # What is kept is no answer of its own: damaged, it is made again.
    kept = lake / ".cache/footers.json"
    kept.write_text(kept.read_text()[:-40])
    assert nightly() == ([], count)
    # Rows and files are held against each other as if every footer were read.
    path, other = (one(lake / "phot", f"ic7801{name}q_flc*") for name in ("aa", "ab"))
    shutil.copy(other, path)
    told, count = nightly()
    assert (told, count) == ([("rows", path.name)], 2)
    assert nightly()[0] == told
    path.write_bytes(b"none")
    for _ in range(2):
        assert ("readable", path.name) in nightly()[0]
    path.unlink()
    assert nightly() == ([("rows", path.name)], 1)
    assert not verify(stored(lake), quick=True).passed
