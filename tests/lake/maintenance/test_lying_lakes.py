"""A file that was copied, replaced, moved or changed is never counted, and `verify` calls it harmful."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.simulated_photometry import fill_lake
from cte_lake import open_lake
from cte_lake.errors import LakeError
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance import nightly
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.nightly import last_verification, record_verification
from cte_lake.lake.maintenance.other_files import folders
from cte_lake.lake.maintenance.quarantine import quarantine, to_put_aside
from cte_lake.lake.maintenance.snapshots import plan_snapshot, snapshot
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import exposure_rows
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.stored import stored
from cte_lake.lake.upgrade import rows_to_upgrade, upgrade
from tests.lake.conftest import STARS, as_of_old, as_revision


def seen(root):
    """What the readers' views say of each image."""
    query = "SELECT imagename, count(*) AS n, round(sum(flux_r03), 4) AS flux FROM phot GROUP BY ALL"
    with open_lake(root, threads=1) as lake:
        return {row["imagename"]: (row["n"], row["flux"]) for row in lake.sql(query).rows()}


@pytest.fixture(scope="module")
def before(filled):
    """What is seen of `lake` while nothing has happened to it."""
    return seen(filled)


def harms(root, **options):
    found = verify(stored(root), **options).findings
    return {(f.check, f.path.rpartition("/")[2].partition(".")[0]) for f in found if f.harm}


def one(root, pattern):
    return sorted(root.rglob(pattern))[0]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_copy_beside_itself_is_not_counted(lake, compacted):
    if compacted:
        compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    before = seen(lake)
    path = one(lake / "phot", "compact.*" if compacted else "ic7801aaq_flt*")
    shutil.copy(path, path.with_name("ic7899aaq_flt.0123456789abcdef.parquet"))
    assert seen(lake) == before
    assert harms(lake, quick=True) == {("copy", "ic7899aaq_flt")}


def test_a_copy_in_another_partition_is_not_counted(lake, before):
    path = one(lake / "phot", "ic7801aaq_flt*")
    to = lake / "phot/target=ngc104/proposal=14378/flash=6/filetype=flt"
    to.mkdir(parents=True)
    shutil.copy(path, to)
    assert seen(lake) == before
    assert harms(lake, quick=True) == {("name", "ic7801aaq_flt")}


@pytest.mark.parametrize("datasets", [("phot",), ("exposures",), ("phot", "exposures")])
def test_a_renamed_partition_is_not_counted(lake, datasets, before):
    for name in datasets:
        (folder,) = (lake / name).glob("target=n*/proposal=*/flash=0")
        folder.rename(folder.with_name("flash=6"))
    after = seen(lake)
    assert after == {image: found for image, found in before.items() if image in after}
    assert len(after) == 4
    assert not verify(stored(lake), quick=True).passed
    with open_lake(lake) as opened:
        assert {row["flash"] for row in opened.exposures().rows()} <= {0, 12}


#: Folders and what somebody, or another file system, calls them: nobody reads them so, or reads other keys.
RENAMED = [
    ("alignment", "ALIGNMENT"), ("crmasks", "crmasks "), ("coefficients", "Coefficients"),
    ("master", "\N{FULLWIDTH LATIN SMALL LETTER M}aster"), ("rejects", "rejects.bak"),
    ("master/target=ngc104", "target=ngc104 "), ("master/target=ngc104", "target= ngc104"),
    ("master/target=ngc104", "TARGET=NGC104"), ("master/target=ngc104", "target=ngc10%34"),
    ("master/target=ngc104", "targets=ngc104"), ("master/target=ngc104", "target=NGC104"),
    ("master/target=~seed", "target=~SEED"), ("phot/target=~seed", "target=~seed "),
    ("exposures/target=ngc104", "Target=ngc104"), ("exposures/target=ngc104", "ngc104"),
    ("phot/target=ngc104/proposal=14378", "proposal=014378"),
    ("phot/target=ngc104/proposal=14378/flash=0", "flash=+0"),
    ("exposures/target=ngc104/proposal=14378/flash=0/filetype=flt", "filetype=FLT"),
]  # fmt: skip


def test_a_folder_under_another_name_is_told(lake):
    for folder, name in RENAMED:
        was, to = lake / folder, (lake / folder).with_name(name)
        was.rename(to)
        paths = [found.path for dataset in dataset_names() for found in stored(lake).listing(dataset)]
        told = {found.path for found in folders(stored(lake), paths) if found.harm}
        assert any(name in path or path == folder for path in told), (name, told)
        to.rename(was)
    assert harms(lake, quick=True) == set()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_catalog_in_the_folder_of_another_target_is_told(lake, recorded):
    path = one(lake, "master/**/*.r0001.parquet")
    if not recorded:
        table = pq.read_table(path, partitioning=None)
        said = {key: value for key, value in table.schema.metadata.items() if key != b"target"}
        pq.write_table(table.replace_schema_metadata(said), path)
    path.parent.rename(path.parent.with_name("target=ngc6791"))
    (found,) = [f for f in verify(stored(lake), quick=True).findings if f.harm]
    assert found.detail == "is the catalog of ngc104; put it into that target's folder"


def test_photometry_of_another_image_or_other_numbers_in_its_place(lake, lakes, before):
    mine, other = one(lake / "phot", "ic7801aaq_flt*"), one(lake / "phot", "ic7801abq_flt*")
    kept = mine.read_bytes()
    shutil.copy(other, mine)
    assert "ic7801aaq_flt.fits" not in seen(lake)
    assert ("rows", "ic7801aaq_flt") in harms(lake, quick=True)
    # The same image and key with other fluxes, by a tool that keeps the metadata and one that does not.
    mine.write_bytes(kept)
    table = pq.read_table(mine, partitioning=None)
    at = table.column_names.index("flux_r03")
    halved = table.set_column(at, table.schema.field(at), pc.multiply(table.column(at), 0.5))
    for written in (halved, halved.replace_schema_metadata(None)):
        pq.write_table(written, mine)
        if written.schema.metadata:
            # The footer's statistics are not those that it records: no row need be read for it.
            assert harms(lake, quick=True) == {("rows", "ic7801aaq_flt")}
        assert harms(lake) == {("rows", "ic7801aaq_flt")} or harms(lake) == {("readable", "ic7801aaq_flt")}
    mine.write_bytes(kept)
    assert seen(lake) == before
    assert verify(stored(lake)).passed


@pytest.mark.slow
def test_compacted_twice_with_other_settings_between_counts_once(lake, lakes, before):
    # compact, measure an image with other settings, measure it again with the old ones, compact again.
    compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    (image, other, *_) = [each for each in lakes.images() if each.record["filetype"] == "flt"]
    for each in (image, other):
        fill_lake(stored(lake), [as_revision(each, 3)])
        again = as_revision(each, 1)
        fill_lake(stored(lake), [replace(again, record=again.record | {"revision": 4})])
    assert seen(lake) == before
    compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    assert seen(lake) == before
    found = verify(stored(lake))
    assert (found.passed, found.stars) == (True, 8 * STARS)


def test_compact_does_not_spread_damage(lake):
    path = one(lake / "phot", "ic7801aaq_flt*")
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(1), path)
    with pytest.raises(LakeError, match="is not what was measured of ic7801aaq_flt"):
        compact(stored(lake), plan_compact(stored(lake), 2, 10**9))


@pytest.mark.slow
@pytest.mark.parametrize("compacted", [False, True])
def test_an_old_lake_opens_and_is_upgraded(lake, compacted, before):
    if compacted:
        compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    as_of_old(lake)
    assert seen(lake) == before
    assert verify(stored(lake)).passed
    assert upgrade(stored(lake)) == 8
    assert rows_to_upgrade(stored(lake)) == []
    assert upgrade(stored(lake)) == 0
    assert seen(lake) == before
    assert verify(stored(lake)).passed
    assert (
        None
        not in exposure_rows(stored(lake))
        .filter(pc.equal(exposure_rows(stored(lake))["revision"], 2 + compacted))["phot_hash"]
        .to_pylist()
    )


def test_what_the_reader_lacks_is_no_damage(lake, monkeypatch):
    from cte_lake.lake.store import Place

    source = Place.source

    def denied(place, whole=True):
        if "ic7801aaq_flt" in place.key and "/phot/" in place.key:
            raise PermissionError(13, "Permission denied", place.key)
        if "ic7801abq_flt" in place.key and "/phot/" in place.key:
            raise MemoryError("cannot allocate")
        return source(place, whole)

    monkeypatch.setattr(Place, "source", denied)
    found = verify(stored(lake))
    assert {f.check for f in found.findings if f.harm} == {"unread"}
    assert to_put_aside(found.findings) == []
    details = " ".join(f.detail for f in found.findings)
    assert "make it readable for this user" in details
    assert "want of memory" in details


def test_a_share_a_night_reads_every_file_in_thirty_nights(lake, monkeypatch):
    path = one(lake / "phot", "ic7801aaq_flt*")
    content = bytearray(path.read_bytes())
    content[60] ^= 16
    path.write_bytes(content)
    with monkeypatch.context() as ahead:
        # A clock that was ahead: what it has written down is no reason to read nothing again.
        ahead.setattr(nightly, "time", SimpleNamespace(time=lambda: 4e9, monotonic=time.monotonic))
        verify(stored(lake))
    nights = [verify(stored(lake), share=1 / 5) for _ in range(5)]
    assert sum(night.in_full for night in nights) >= nights[0].files
    assert [not night.passed for night in nights].count(True) >= 1
    assert all(night.in_full <= nights[0].files / 5 + 1 for night in nights)
    assert verify(stored(lake), seconds=-1).in_full == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["master", "exposures", "phot"])
def test_flipped_bits_are_found(lake, name):
    path = one(lake / name, "*[!d].parquet")
    whole = path.read_bytes()
    for place in range(8, len(whole) - 8, max(1, len(whole) // 12)):
        content = bytearray(whole)
        content[place] ^= 4
        path.write_bytes(content)
        before = pq.read_table(pa.BufferReader(whole), partitioning=None)
        try:
            same = pq.read_table(path, partitioning=None).equals(before)
        except (OSError, pa.ArrowException):
            same = False
        assert same or not verify(stored(lake)).passed, place


def test_the_last_verification_is_kept(lake):
    assert last_verification(stored(lake)) is None
    record_verification(stored(lake), {"files": 3, "in_full": 1, "harmful": 0, "findings": []})
    assert last_verification(stored(lake))["harmful"] == 0


def rewritten(path, column, change, metadata=None):
    """Write a file again with a column changed, as a program does that is not cte-lake."""
    table = pq.read_table(path, partitioning=None)
    at = table.column_names.index(column)
    changed = pa.array([change(value) for value in table.column(at).to_pylist()], table.field(at).type)
    pq.write_table(table.set_column(at, table.field(at), changed).replace_schema_metadata(metadata), path)


def test_a_row_that_another_program_wrote_is_told(lake):
    rewritten(one(lake, "exposures/**/ic*.parquet"), "exptime", lambda value: 2 * value)
    assert ("readable", "ic7801aaq_flc") in harms(lake)


def test_a_file_that_another_program_wrote_is_told_once_it_was_read(lake):
    path = one(lake, "master/**/*.r0001.parquet")
    assert harms(lake) == set()
    rewritten(path, "ra", lambda value: value + 0.01)
    assert {check for check, _ in harms(lake)} == {"bytes"}
    # It is told until it is as it was.
    assert {check for check, _ in harms(lake)} == {"bytes"}


def test_the_copy_of_a_catalog_is_not_counted_and_told(lake):
    query = "SELECT count(*) AS n FROM master"
    path = one(lake, "master/**/*.r0001.parquet")
    shutil.copy2(path, path.with_name("copy.parquet"))
    with open_lake(lake, threads=1) as opened:
        assert opened.sql(query).rows() == [{"n": STARS}]
    assert harms(lake) == {("name", "copy")}


ODD = {
    "a named pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.symlink_to("/"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["phot/odd.parquet", "exposures/odd.parquet", "coefficients/odd.toml"])
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_named_and_never_waited_for(lake, tmp_path, kind, name):
    (lake / "coefficients").mkdir(exist_ok=True)
    beside = next((lake / name).parent.rglob("*_flt*.parquet"), lake / name)
    odd = beside.with_name(Path(name).name)
    ODD[kind](odd)
    finding = next(found for found in verify(stored(lake)).findings if found.check == "readable")
    assert (lake / finding.path, finding.harm) == (odd, True)
    assert finding.detail.startswith(f"is {kind}, not a file")
    if name.startswith("exposures"):
        with pytest.raises(LakeError, match=kind):
            open_lake(lake)
    if name.startswith("phot"):
        with open_lake(lake) as opened, pytest.raises(LakeError, match=f"odd.parquet is {kind}, not a file"):
            opened.sql("SELECT count(*) FROM phot")
    if name.startswith("coefficients"):
        with pytest.raises(LakeError, match=kind):
            snapshot(stored(lake), stored(tmp_path / "saved"), plan_snapshot(stored(lake)), copy=True)
    quarantine(stored(lake), to_put_aside([finding]))
    assert verify(stored(lake)).passed


@pytest.mark.parametrize("name", ["phot", "master", "exposures", "rejects"])
def test_a_pipe_in_place_of_the_empty_file_is_never_waited_for(lake, name):
    seed = next((lake / name).rglob("seed.parquet"))
    seed.unlink()
    os.mkfifo(seed)
    for asked in (lambda: open_lake(lake).sql(f"FROM {name}"), lambda: create_lake(stored(lake))):
        with pytest.raises(LakeError, match="is a named pipe, not a file"):
            asked()
    assert "is a named pipe" in str(verify(stored(lake)).findings)


@pytest.mark.slow
def test_a_lake_without_the_empty_file_of_its_photometry_answers_the_same(lake):
    query = "SELECT count(*) AS n, round(sum(slope), 9) AS slope FROM cte"
    with open_lake(lake) as opened:
        opened.keep_slopes(3)
        wanted = opened.sql(query).rows()
    next((lake / "phot").rglob("seed.parquet")).unlink()
    with open_lake(lake) as opened:
        assert opened.sql(query).rows() == wanted


def test_a_link_that_leads_to_itself_is_no_file(lake):
    path = next((lake / "phot").rglob("*_flt*.parquet"))
    path.unlink()
    path.symlink_to(path.name)
    (finding,) = verify(stored(lake)).findings
    assert (finding.check, finding.harm) == ("rows", True)
    assert "is not there" in finding.detail


def test_a_link_that_is_exchanged_while_it_is_read_is_told(lake, tmp_path):
    path = one(lake, "phot/target=ngc104/**/*.parquet")
    kept = path.rename(lake / "kept.parquet")
    path.symlink_to(kept)

    def exchange(parts):
        path.with_name("new").symlink_to(kept)
        path.with_name("new").rename(path)
        assert sum(len(part) for part in parts) == 8 * STARS

    with open_lake(lake, threads=1) as opened:
        assert len(opened.sql("FROM phot").rows()) == 8 * STARS
        with pytest.raises(LakeError, match="is a link that was put there while it was read"):
            opened.each_answer(exchange, "FROM phot")


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["phot", "exposures", "master"])
def test_a_file_of_other_columns_is_named_and_put_aside(lake, dataset, before):
    folder = one(lake, f"{dataset}/target=ngc104/**/*.parquet").parent
    pq.write_table(pa.table({"a": [1, 2]}), folder / "foreign.parquet")
    assert ("readable", "foreign") in harms(lake)
    assert ("readable", "foreign") in harms(lake, quick=True)
    paths = to_put_aside(verify(stored(lake)).findings)
    assert [path.rpartition("/")[2] for path in paths] == ["foreign.parquet"]
    quarantine(stored(lake), paths)
    assert seen(lake) == before
    assert harms(lake) == set()


@pytest.mark.slow
@pytest.mark.parametrize("all_of_it", [False, True])
def test_an_image_that_went_back_is_told_until_it_is_measured_again(lake, lakes, all_of_it):
    lakes.fill(lake, revision=2)
    assert harms(lake) == set()
    # Seen by a clock that was ahead.
    kept = lake / ".cache" / "newest.json"
    ahead = {key: (revision, when + 10**17) for key, (revision, when) in json.loads(kept.read_text()).items()}
    kept.write_text(json.dumps(ahead))
    newest = one(lake, "exposures/**/ic*.r0002.parquet")
    others = newest.parent.glob(f"{newest.name.partition('.')[0]}.*")
    for path in others if all_of_it else [newest]:
        path.unlink()
    for _ in range(2):
        told = [f for f in verify(stored(lake)).findings if f.harm and "newest row of" in f.detail]
        assert [finding.check for finding in told] == ["lost"]
    anew = lakes.images() if all_of_it else [as_revision(image, 3) for image in lakes.images()]
    fill_lake(stored(lake), anew, lakes.stars)
    assert harms(lake) == set()
