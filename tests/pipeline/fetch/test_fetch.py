from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import requests
from astropy.io import fits
from typer.testing import CliRunner

from cte_lake.config import load_settings
from cte_lake.errors import ArchiveError, ConfigError, ExitCode, NothingToDo, UsageError
from cte_lake.pipeline.fetch import download as download_module
from cte_lake.pipeline.fetch.archive import Archive
from cte_lake.pipeline.fetch.download import reason, verify_checksums
from cte_lake.pipeline.fetch.fetch_programs import FetchArguments, fetch, make_plan, proposals_to_fetch

from .archive_server import FakeArchive, serving


def _frame(seed: int) -> bytes:
    image = np.random.default_rng(seed).normal(size=(160, 150)).astype(np.float32)
    hdus = [fits.PrimaryHDU()]
    for extver in (1, 2):
        hdus += [fits.ImageHDU(image, name=name, ver=extver) for name in ("SCI", "ERR", "DQ")]
    stream = io.BytesIO()
    fits.HDUList(hdus).writeto(stream)
    return stream.getvalue()


#: A broken download keeps whole blocks of this size.
BLOCK = 1 << 16
NAMES = ("ic7801aaq_flt.fits", "ic7801aaq_flc.fits", "ic7801abq_flc.fits")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(download_module, "_PAUSE", 0.0)


@pytest.fixture
def archive():
    holding = FakeArchive()
    for seed, name in enumerate(NAMES):
        holding.add(name, _frame(seed), 14378)
    holding.add("ic7801aaq_drz.fits", _frame(7), 14378)
    holding.add("ic1201aaq_flc.fits", _frame(8), 13083)
    with serving(holding):
        yield holding


@pytest.fixture
def arguments(archive, tmp_path):
    def make(*proposals: int, **settings: object) -> FetchArguments:
        flags = {f"fetch.{key}": value for key, value in settings.items()}
        stated = load_settings(None, {"fetch.url": archive.url} | flags, environment={})
        return FetchArguments(proposals or (14378,), tmp_path / "data", stated)

    return make


def test_everything_of_a_proposal_is_fetched_and_nothing_else(archive, arguments):
    report = fetch(arguments())
    assert report.fetched == sorted(NAMES)
    assert report.received_bytes == sum(len(archive.files[name]) for name in NAMES)
    for name in NAMES:
        assert (arguments().folder / "14378" / name).read_bytes() == archive.files[name]
    assert not list(arguments().folder.rglob("*.part*"))


def test_second_fetch_does_nothing(archive, arguments):
    fetch(arguments())
    archive.requests.clear()
    report = fetch(arguments())
    assert (report.fetched, report.present, archive.requests) == ([], 3, [])


@pytest.mark.parametrize("suffix", ["", ".gz", ".fz"])
def test_files_put_there_by_hand_are_left_alone(archive, arguments, suffix):
    by_hand = arguments().folder / "mine" / f"{NAMES[0]}{suffix}"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"mine")
    report = fetch(arguments())
    assert report.fetched == sorted(NAMES[1:])
    assert by_hand.read_bytes() == b"mine"


def test_broken_download_is_taken_up_where_it_broke_off(archive, arguments):
    size = len(archive.files[NAMES[0]])
    archive.break_after[NAMES[0]] = [200_000, 100_000]
    report = fetch(arguments())
    assert report.failed == {}
    ranges = [asked for name, asked in archive.requests if name == NAMES[0]]
    assert ranges == ["", f"bytes={3 * BLOCK}-", f"bytes={4 * BLOCK}-"]
    assert report.received_bytes == sum(len(archive.files[name]) for name in NAMES)
    assert (arguments().folder / "14378" / NAMES[0]).stat().st_size == size


def test_next_run_goes_on_where_the_last_one_gave_up(archive, arguments):
    archive.break_after[NAMES[0]] = [200_000]
    report = fetch(arguments(retries=0))
    assert list(report.failed) == [NAMES[0]]
    assert report.exit_code == ExitCode.DONE_IN_PART
    assert not (arguments().folder / "14378" / NAMES[0]).exists()
    archive.requests.clear()
    assert fetch(arguments()).fetched == [NAMES[0]]
    assert archive.requests == [(NAMES[0], f"bytes={3 * BLOCK}-")]


def test_file_that_changed_in_the_archive_is_not_continued(archive, arguments):
    archive.break_after[NAMES[0]] = [200_000]
    fetch(arguments(retries=0))
    archive.files[NAMES[0]] = _frame(99)
    fetch(arguments())
    assert (arguments().folder / "14378" / NAMES[0]).read_bytes() == archive.files[NAMES[0]]


def test_busy_server_is_asked_again(archive, arguments):
    archive.busy = 2
    assert fetch(arguments()).failed == {}


@pytest.mark.parametrize(("told", "pause"), [("7", 7.0), ("86400", 300.0), ("soon", 0.0)])
def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(archive, arguments, monkeypatch, told, pause):
    waited: list[float] = []
    monkeypatch.setattr(download_module.time, "sleep", waited.append)
    archive.busy, archive.retry_after = 1, told
    assert fetch(arguments()).failed == {}
    assert max(waited) == pause


def test_a_page_to_log_in_is_told_and_leaves_what_has_arrived(archive, arguments):
    archive.break_after[NAMES[0]] = [200_000]
    fetch(arguments(retries=0))
    archive.logins = {NAMES[0]}
    assert "127.0.0.1 answered with a web page (a login?)" in fetch(arguments()).failed[NAMES[0]]
    archive.logins.clear()
    archive.requests.clear()
    assert fetch(arguments()).fetched == [NAMES[0]]
    assert archive.requests == [(NAMES[0], f"bytes={3 * BLOCK}-")]


def test_another_part_than_was_asked_for_is_not_put_behind_the_first(archive, arguments):
    archive.break_after[NAMES[0]] = [200_000]
    archive.shifted = {NAMES[0]}
    assert fetch(arguments()).failed == {}
    assert (arguments().folder / "14378" / NAMES[0]).read_bytes() == archive.files[NAMES[0]]


def test_what_is_not_the_file_is_thrown_away(archive, arguments):
    archive.files[NAMES[0]] = b"<html>please log in</html>"
    archive.files[NAMES[1]] = archive.files[NAMES[1]][:20_000]
    archive.md5[NAMES[2]] = base64.b64encode(hashlib.md5(b"another").digest()).decode()
    report = fetch(arguments())
    assert "no FITS" in report.failed[NAMES[0]] or "not a FITS" in report.failed[NAMES[0]]
    assert "it was deleted" in report.failed[NAMES[1]]
    assert "MD5" in report.failed[NAMES[2]]
    assert not [path for path in arguments().folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("listed", [5, 10**6])
def test_a_listed_size_that_is_out_of_date_costs_no_file(archive, arguments, listed):
    archive.listed_size[NAMES[2]] = listed
    archive.md5[NAMES[2]] = base64.b64encode(hashlib.md5(archive.files[NAMES[2]]).digest()).decode()
    report = fetch(arguments())
    assert (report.failed, report.fetched) == ({}, sorted(NAMES))
    archive.requests.clear()
    assert (fetch(arguments()).present, archive.requests) == (3, [])


def test_a_link_that_expires_midway_is_asked_for_again(archive, arguments):
    archive.break_after[NAMES[0]] = [200_000]
    archive.expired[NAMES[0]] = 2
    report = fetch(arguments())
    assert report.failed == {}
    assert (arguments().folder / "14378" / NAMES[0]).read_bytes() == archive.files[NAMES[0]]


@pytest.mark.parametrize(
    "column",
    ["size", "dataRights", "productSubGroupDescription", "productType", "proposal_id", "obs_title",
     "intentType", "target_name", "distance", "productFilename"],
)  # fmt: skip
def test_a_listing_may_lack_a_column(archive, arguments, column):
    archive.without = {column}
    assert [product.name for product in make_plan(arguments()).todo] == sorted(NAMES)


@pytest.mark.parametrize(
    "spelled",
    [
        {"proposal_id": "14378.0"},
        {"proposal_id": " 14378 ", "dataRights": "public"},
        {"size": -1},
        {"productSubGroupDescription": None, "productFilename": None},
        {"obsID": "none of ours"},
        {"dataRights": None, "proposal_id": None, "target_name": None},
    ],
)
def test_a_listing_may_be_spelled_otherwise(archive, arguments, spelled):
    archive.spelled = spelled
    assert [product.name for product in make_plan(arguments()).todo] == sorted(NAMES)


def test_files_that_are_sent_packed_arrive_unpacked(archive, arguments):
    archive.packed = set(NAMES)
    archive.break_after[NAMES[1]] = [100_000]
    report = fetch(arguments())
    assert (report.failed, report.fetched) == ({}, sorted(NAMES))
    assert (arguments().folder / "14378" / NAMES[1]).read_bytes() == archive.files[NAMES[1]]


def test_products_of_hap_are_left_beside_those_of_the_pipeline(archive, arguments):
    for name in ("hst_14378_01_wfc3_uvis_f502n_ic7801aa_flc.fits", "ic7801aaq_c0m.fits"):
        archive.add(name, _frame(3), 14378, "FLC")
    assert [product.name for product in make_plan(arguments()).todo] == sorted(NAMES)


def test_calibration_frames_of_no_target_are_left_and_those_of_a_cluster_taken(archive, arguments):
    archive.add("ic7801dkq_flt.fits", _frame(4), 14378)
    archive.targets["ic7801dkq"] = "DARK"
    archive.intents = {"ic7801dkq": "calibration", "ic7801aaq": "calibration", "ic7801abq": "calibration"}
    archive.targets["ic7801aaq"] = "NGC-104"
    assert [product.name for product in make_plan(arguments()).todo] == sorted(NAMES)


def test_thousands_of_rows_are_listed(archive, arguments):
    content = _frame(6)
    names = [f"ic78{visit:02d}{pair:02d}q_flc.fits" for visit in range(2, 42) for pair in range(60)]
    for name in names:
        archive.add(name, content, 14378)
    assert len(make_plan(arguments()).todo) == len(NAMES) + len(names)


def test_programs_that_are_not_configured_are_found_by_title_and_target(archive, arguments):
    title = "WFC3 UVIS CTE Monitor (star cluster)"
    programs = (("ie00", 15576, "NGC-6791"), ("if00", 17674, "NGC104"), ("if01", 17675, "M31"))
    for code, number, target in programs:
        name = f"{code}01aaq_flc.fits"
        archive.add(name, _frame(number), number)
        archive.titles[number] = title
        archive.targets[name[:9]] = target
    archive.titles[13083] = "WFC3 UVIS CTE Monitor of darks, and a star cluster"
    plan = make_plan(replace(arguments(), search=True))
    assert plan.found == {15576: title, 17674: title}
    assert {product.proposal for product in plan.todo} == {14378, 15576, 17674}
    assert make_plan(arguments()).found == {}
    # Without targets the title tells; what is not of a target is screened when it is measured.
    archive.without = {"target_name"}
    assert set(make_plan(replace(arguments(), search=True)).found) == {15576, 17674, 17675}


def test_file_that_the_archive_lists_and_lacks_is_reported(archive, arguments):
    content = archive.files[NAMES[0]]
    plan = make_plan(arguments())
    del archive.files[NAMES[0]]
    report = fetch(arguments(), plan)
    assert "HTTP 404" in report.failed[NAMES[0]]
    assert report.fetched == sorted(NAMES[1:])
    archive.files[NAMES[0]] = content


def test_exclusive_files_are_not_asked_for(archive, arguments):
    archive.exclusive = {NAMES[0]}
    plan = make_plan(arguments())
    assert plan.withheld == [NAMES[0]]
    assert [product.name for product in plan.todo] == sorted(NAMES[1:])


def test_name_that_would_leave_the_folder_is_not_taken(archive, arguments):
    archive.add("../../../../x_flc.fits", _frame(5), 14378, "FLC")
    assert [product.name for product in make_plan(arguments()).todo] == sorted(NAMES)


def test_checksums_are_noted_and_found_broken(archive, arguments):
    fetch(arguments())
    folder = arguments().folder
    listing = (folder / "14378" / "CHECKSUMS.b2").read_text().splitlines()
    assert f"{hashlib.blake2b(archive.files[NAMES[0]]).hexdigest()}  {NAMES[0]}" in listing
    assert set(verify_checksums(folder).values()) == {"ok"}
    (folder / "14378" / NAMES[0]).write_bytes(b"flipped")
    (folder / "14378" / NAMES[1]).unlink()
    states = {path.name: state for path, state in verify_checksums(folder).items()}
    assert (states[NAMES[0]], states[NAMES[1]], states[NAMES[2]]) == ("changed", "gone", "ok")


def test_unknown_proposal_is_nothing_to_do(arguments):
    with pytest.raises(NothingToDo, match="99999"):
        make_plan(arguments(99999))


def test_archive_that_is_down_is_told_in_one_sentence(archive, arguments):
    archive.broken_portal = True
    with pytest.raises(ArchiveError, match=r"no list for proposal 14378, because it answered: .*maintenance"):
        make_plan(arguments())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectionError("HTTPSConnectionPool(...)"), "it cannot be reached"),
        (requests.ConnectTimeout("HTTPSConnectionPool(...)"), "it did not answer in time"),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "its certificate is not trusted here"),
        (requests.exceptions.ProxyError("HTTPSConnectionPool(...)"), "the proxy of HTTPS_PROXY"),
        (requests.exceptions.ChunkedEncodingError("IncompleteRead"), "the connection was cut"),
        (KeyError("msg"), "its answer is not understood (KeyError: 'msg')"),
    ],
)
def test_why_the_archive_gave_nothing_is_said_in_words(error, words):
    assert reason(error).startswith(words)
    assert "Pool" not in reason(error)


def test_too_little_room_is_told_before_anything_is_fetched(archive, arguments):
    for name in NAMES:
        archive.listed_size[name] = 10**15
    with pytest.raises(UsageError, match="are free in"):
        fetch(arguments())
    assert archive.requests == []


def test_missing_astroquery_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "astroquery.mast", None)
    with pytest.raises(ConfigError, match=r"pip install 'cte-lake\[archive\]'"):
        Archive(load_settings(None, environment={}).config.fetch)


def test_proposals_are_named_or_all():
    settings = load_settings(None, environment={})
    assert proposals_to_fetch([2, 1, 2], False, settings) == (2, 1)
    assert proposals_to_fetch([], True, settings) == tuple(sorted(settings.config.proposals))
    with pytest.raises(UsageError, match="--missing"):
        proposals_to_fetch([], False, settings)


def test_command_lists_names_and_bytes(archive, tmp_path):
    from cte_lake.cli.main import app

    options = ["fetch", "--proposal", "14378", "--to", str(tmp_path), "--set", f"fetch.url={archive.url}"]
    dry = CliRunner().invoke(app, [*options, "--dry-run"])
    assert dry.exit_code == 0
    assert f"{NAMES[1]}  14378  {len(archive.files[NAMES[1]])}" in dry.stdout
    assert archive.requests == []
    done = CliRunner().invoke(app, [*options, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout.splitlines()[0])["fetched"] == sorted(NAMES)
