"""Setting a monitor up, and the doctor that looks at a machine and its lake."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import threading
from collections import namedtuple
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, ExitCode, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.night import Night, keep_night
from cte_lake.workflow import monitor_setup
from cte_lake.workflow.doctor import examine, machine, stored_lake
from cte_lake.workflow.monitor_setup import MonitorSetup, install_entry, set_up, write_entry
from cte_lake.workflow.refresh import night_of
from cte_lake.workflow.schedule import AT, Site, cron_text, in_crontab, service_text, timer_text
from tests.conftest import JOBS

EXAMPLE = Site(
    "/data/cte/lake", "/opt/cte-lake/bin/cte-lake", "monitor@example.org",
    "--frames /data/cte/frames --publish /var/www/cte", user="cte",
)  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "frames").mkdir()
    return stored(tmp_path / "lake")


@pytest.fixture
def asked(lake, tmp_path):
    return MonitorSetup(lake, tmp_path / "frames", "lead@example.org", tmp_path / "www", fetch=False)


def outcomes(lake):
    """What the doctor says: outcome and line of each check by its name, the worst of several."""
    found = {}
    for check in examine(lake):
        if check.name not in found or check.outcome != "ok":
            found[check.name] = (check.outcome, check.line)
    return found


def test_the_examples_in_jobs_are_what_init_writes():
    assert (JOBS / "cte-lake.cron").read_text() == cron_text(EXAMPLE)
    assert (JOBS / "cte-lake-refresh.service").read_text() == service_text(EXAMPLE)
    assert (JOBS / "cte-lake-refresh.timer").read_text() == timer_text(EXAMPLE)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12))
def test_a_shell_reads_a_path_with_any_character_from_the_crontab_as_it_is(name):
    site = replace(EXAMPLE, command="/opt/echo", lake=f"/data/{name}")
    lines = cron_text(site).splitlines()
    assert f"CTE_LAKE_LAKE=/data/{name}" in lines
    (nightly, monthly) = (line.split(None, 5)[5] for line in lines if re.match(r"\d", line))
    # The commands are the same for every lake: no path is in them.
    example = cron_text(EXAMPLE).splitlines()
    assert [nightly, monthly] == [line.split(None, 5)[5] for line in example if re.match(r"\d", line)]


def test_the_housekeeping_of_a_late_night_is_on_the_same_day_of_the_month():
    lines = [line for line in cron_text(replace(EXAMPLE, at="23:40")).splitlines() if re.match(r"\d", line)]
    assert [line.split()[:5] for line in lines] == [["40", "23", "*", "*", "*"], ["6", "2", "1", "*", "*"]]


def test_a_mail_program_that_hangs_is_stopped_and_the_journal_has_the_mail(tmp_path):
    command = re.search(r"^ExecStart=(.*) /opt", service_text(EXAMPLE), re.MULTILINE)[1]
    assert "timeout -k 60 600 mail" in command
    mail = tmp_path / "mail"
    mail.write_text("#!/bin/sh\ntrap '' TERM\nsleep 30\n")
    mail.chmod(0o755)
    line = f"{command.replace('-k 60 600', '-k 0.2 0.2')} /bin/sh -c 'echo overdue >&2; exit 3'"
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        env={"MAILTO": "lead", "PATH": f"{tmp_path}:/usr/bin:/bin"},
        stderr=subprocess.PIPE, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "overdue (not mailed: mail failed, or took over 10 minutes)"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail": "two words"}, {"mail": ""}, {"mail": "a@b; rm -r /"}, {"mail": "-oQ@host"},
        {"mail": "lead@h\u00f6st"}, {"mail": "a@b@c"}, {"at": "24:00"}, {"at": "4:7"}, {"lake": "/data/a\nb"},
        {"lake": "/data/blank "}, {"lake": "/data/" + "long" * 300}, {"lake": "/data/\udcff"},
    ],
)  # fmt: skip
def test_what_would_break_an_entry_is_refused(wrong):
    with pytest.raises(UsageError):
        replace(EXAMPLE, **wrong)


def test_an_entry_replaces_the_lake_s_older_one_and_leaves_all_else():
    others = "MAILTO=me\n5 5 * * * backup\n"
    once = in_crontab(others, EXAMPLE)
    twice = in_crontab(in_crontab(once, replace(EXAMPLE, lake="/other")), replace(EXAMPLE, at="03:00"))
    assert once.startswith(others)
    assert once.count("refresh --frames") == 1
    assert twice.count("refresh --frames") == 2
    assert "\n0 3 * * * " in twice
    assert "\n17 4 * * * " in twice
    assert in_crontab("", EXAMPLE) == cron_text(EXAMPLE)


def test_systemd_reads_a_lake_with_its_signs_as_it_is():
    text = service_text(replace(EXAMPLE, lake='/data/50% of $x "a" \\b', command="/opt/a$b/cte-lake"))
    # In a setting a $ stands for itself, in a command it is doubled (systemd.exec(5), systemd.service(5)).
    assert 'Environment="CTE_LAKE_LAKE=/data/50%% of $x \\"a\\" \\\\b"' in text.splitlines()
    assert text.count("' /opt/a$$b/cte-lake refresh ") == 1


def test_no_zone_lacks_the_time_of_the_night_or_has_it_twice():
    zones = ("Europe/Berlin", "Europe/Helsinki", "America/New_York", "America/Nuuk", "Asia/Gaza")
    hour, minute = map(int, AT.split(":"))
    first = datetime(2026, 1, 1, hour, minute)
    for zone in zones:
        offsets = set()
        for day in range(366):
            for later in (timedelta(0), timedelta(minutes=146)):
                when = (first + timedelta(days=day) + later).replace(tzinfo=ZoneInfo(zone))
                assert when.utcoffset() == when.replace(fold=1).utcoffset(), (zone, when)
                offsets.add(when.utcoffset())
        assert len(offsets) > 1, zone


def test_init_writes_settings_that_the_night_reads_and_does_it_once(lake, asked, tmp_path):
    assert set_up(asked)
    text = lake.settings_file.read_text()
    assert not set_up(asked)
    assert lake.settings_file.read_text() == text
    night = night_of(lake)
    assert night.steps[0].startswith(f"run {tmp_path / 'frames'} --steps align,")
    assert night.steps[-1] == f"report --publish {tmp_path / 'www'}"
    assert load_settings(lake, environment={}).config.refresh.frames == str(tmp_path / "frames")
    with pytest.raises(ConfigError, match="with other settings"):
        set_up(replace(asked, publish=None))


def test_a_folder_with_quotes_is_configured_as_it_is(lake, tmp_path):
    frames = tmp_path / "fr\"am'es = \\ é"
    set_up(MonitorSetup(lake, frames, "lead"))
    assert load_settings(lake, environment={}).config.refresh.frames == str(frames)


def test_units_are_written_into_a_folder(asked, tmp_path):
    files = write_entry(replace(asked, scheduler="systemd"), tmp_path)
    assert [path.name for path in files] == ["cte-lake-refresh.service", "cte-lake-refresh.timer"]
    assert f"CTE_LAKE_LAKE={asked.lake}" in files[0].read_text()


def test_init_adds_to_the_settings_of_refresh_what_they_lack(lake, asked):
    create_lake(lake)
    text = lake.settings_file.read_text()
    place = Path(str(lake.settings_file))
    place.write_text(text + "\n[refresh]\nfit = false # for now\n\n[measure]\naperture = 5\n")
    assert not set_up(asked)
    config = load_settings(lake, environment={}).config
    assert (config.refresh.fit, config.refresh.fetch, config.measure.aperture) == (False, False, 5)
    assert config.refresh.frames == str(asked.frames)
    with pytest.raises(ConfigError, match=r"fetch = False, not true; edit it"):
        set_up(replace(asked, fetch=True))
    place.write_text(text + "\nrefresh.fit = false\n")
    with pytest.raises(ConfigError, match=r"sets refresh without a line \[refresh\]"):
        set_up(asked)


def test_nothing_is_made_where_the_entry_could_not_be(lake, asked):
    with pytest.raises(UsageError, match="--mail '' is not an address"):
        set_up(replace(asked, mail=""))
    with pytest.raises(UsageError, match=r"--publish .* cannot stand in the settings"):
        replace(asked, publish=Path("/www/\x7f"))
    assert not Path(str(lake)).exists()


@pytest.fixture
def crontab(tmp_path, monkeypatch):
    """A program crontab that keeps its table in a file."""
    program, table = tmp_path / "bin" / "crontab", tmp_path / "table"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat {table}; else cat > {table}; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return table


def test_init_installs_and_the_doctor_finds_what_it_installed(crontab, asked, lake):
    set_up(asked)
    before = outcomes(lake)
    assert before["scheduler"][0] == "warn"
    assert f"init {lake} --monitor" in before["scheduler"][1]
    assert install_entry(asked) == "the crontab of this user has the entry"
    assert install_entry(asked) == "the crontab of this user has the entry"
    assert crontab.read_text().count("# cte-lake begin") == 1
    assert outcomes(lake)["scheduler"][0] == "ok"


def test_the_doctor_looks_at_the_entry_of_this_lake(crontab, asked, lake):
    set_up(asked)
    install_entry(asked)
    entry = crontab.read_text()
    crontab.write_text(entry.replace(f"LAKE={lake}", f"LAKE={lake}2"))
    assert machine.scheduler(lake).outcome == "warn"
    crontab.write_text(re.sub(r"^(\d.*)$", r"# \1", entry, flags=re.MULTILINE))
    assert machine.scheduler(lake).outcome == "warn"
    crontab.write_text(re.sub("MAILTO=.*", 'MAILTO=""', entry))
    assert "mails nobody; write an address after MAILTO=" in machine.scheduler(lake).line
    crontab.write_text(re.sub("COMMAND=.*", "COMMAND=/old/venv/bin/cte-lake", entry))
    assert machine.scheduler(lake).outcome == "fail"
    assert "starts /old/venv/bin/cte-lake, which is not there" in machine.scheduler(lake).line
    crontab.write_text(f"@daily /opt/bin/cte-lake refresh --lake '{lake}'\n")
    assert machine.scheduler(lake).outcome == "ok"


def test_a_crontab_that_cannot_be_read_is_not_replaced(crontab, asked):
    program = crontab.parent / "bin" / "crontab"
    crontab.write_bytes(b"# \xe9t\xe9\n5 5 * * * backup\n")
    install_entry(asked)
    before = crontab.read_bytes()
    assert before.startswith(b"# \xe9t\xe9\n5 5 * * * backup\n")
    text = program.read_text()
    program.write_text(text.replace("then cat", "then echo 'you may not' >&2; exit 1; cat"))
    with pytest.raises(UsageError, match="crontab -l refuses: you may not"):
        install_entry(asked)
    assert crontab.read_bytes() == before
    program.write_text(text.replace("then cat", "then echo 'no crontab for lead' >&2; exit 1; cat"))
    install_entry(asked)
    assert crontab.read_text() == cron_text(asked.site)


def test_systemd_s_units_of_another_lake_are_left(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(monitor_setup, "_run", lambda command, **_: "")
    mine = replace(asked, scheduler="systemd")
    assert "is enabled" in install_entry(mine)
    assert "is enabled" in install_entry(replace(mine, mail="other@example.org"))
    with pytest.raises(UsageError, match="runs the night of another lake"):
        install_entry(replace(mine, lake=stored(tmp_path / "second")))


def test_a_scheduler_that_is_not_there_is_named(asked, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="there is no crontab on this machine"):
        install_entry(asked)


def test_the_command_sets_up_and_examines(crontab, lake, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage(0, 0, 200e9))
    line = [
        "init",
        str(lake),
        "--monitor",
        "--frames",
        str(tmp_path / "frames"),
        "--mail",
        "lead@example.org",
    ]
    done = CliRunner().invoke(app, [*line, "--no-fetch", "--install"])
    assert done.exit_code == 0, done.output
    assert "made a lake" in done.stderr
    assert re.search(r"^ok +scheduler ", done.stdout, re.MULTILINE)
    told = CliRunner().invoke(app, ["doctor", "--lake", str(lake), "--json"])
    assert told.exit_code == 0
    assert {check["outcome"] for check in json.loads(told.stdout)} <= {"ok", "warn"}
    (tmp_path / "frames").rmdir()
    failed = CliRunner().invoke(app, ["doctor", "--lake", str(lake)])
    assert failed.exit_code == ExitCode.AUDIT_FAILED
    assert re.search(r"^fail +frames .*set refresh.frames$", failed.stdout, re.MULTILINE)


class Archive(http.server.BaseHTTPRequestHandler):
    """Answers with a clock that is off."""

    off = timedelta()

    def do_HEAD(self):
        self.send_response_only(405)
        self.send_header("Date", format_datetime(datetime.now(UTC) + self.off, usegmt=True))
        self.end_headers()


@pytest.mark.parametrize(("minutes", "outcome"), [(0, "ok"), (2, "warn"), (-60, "fail")])
def test_network_and_clock_are_held_against_the_archive(lake, minutes, outcome, monkeypatch):
    create_lake(lake)
    monkeypatch.setattr(Archive, "off", timedelta(minutes=minutes))
    server = http.server.HTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    config = load_settings(lake, {"fetch.url": url}, environment={}).config
    answer, told = machine.network(config)
    server.shutdown()
    server.server_close()
    assert told.outcome == "ok"
    assert machine.clock(lake, answer).outcome == outcome
    answer, told = machine.network(config)
    assert (answer, told.outcome) == (None, "fail")
    assert "refresh.fetch = false" in told.remedy


def test_a_lake_that_cannot_be_used_is_said_in_a_line_each(lake):
    create_lake(lake)
    lake.settings_file.write_bytes(b"lake_version = 1\n[refresh]\nfetch = 'maybe'\n")
    told = outcomes(lake)
    assert told["lake"][0] == "ok"
    assert told["settings"][0] == "fail"
    assert "refresh.fetch" in told["settings"][1]
    lake.settings_file.write_bytes(b"lake_version = 99\n")
    assert outcomes(lake)["lake"][0] == "fail"
    assert not [path for path in Path(str(lake), "logs").iterdir() if "doctor" in path.name]


def test_a_folder_that_cannot_be_written_and_one_of_other_things_are_told(asked, lake, tmp_path):
    (tmp_path / "site" / "mine").mkdir(parents=True)
    for publish, told in ((tmp_path / "site", "else than a report"), (Path("/proc/www"), "/proc cannot be")):
        config = load_settings(stored(tmp_path / "none"), {"refresh.publish": str(publish)}).config
        (_, check) = stored_lake.folders(config)
        assert (check.name, check.outcome) == ("publish", "fail")
        assert told in check.found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames", "site"]


def test_a_scarce_disk_and_a_small_memory_are_told(monkeypatch, lake):
    usage = namedtuple("usage", "total used free")
    for free, outcome in ((1e9, "fail"), (20e9, "warn"), (200e9, "ok")):
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda _, free=free: usage(0, 0, free))
        assert {check.outcome for check in machine.disk(None, None)} == {outcome}
    monkeypatch.setattr(machine, "free_memory", lambda: 1_024_000_000)
    create_lake(lake)
    config = load_settings(lake, {"workers.count": 8}, environment={}).config
    assert "set workers.count to 1" in machine.memory(config).line


def test_the_age_of_the_last_night_is_looked_at(asked, lake):
    set_up(asked)
    for days, outcome in ((0.3, "ok"), (4.0, "warn")):
        started = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        keep_night(lake, Night(started, ended=started))
        assert outcomes(lake)["last night"][0] == outcome


def test_packages_that_are_missing_or_too_old_are_named(monkeypatch):
    listed = ["numpy>=999", "no-such-package>=1", "scipy>=1.0", 'absent>=2; extra == "prepare"']
    monkeypatch.setattr(machine, "requires", lambda _: listed)
    assert machine.packages().outcome == "fail"
    assert re.search(r"numpy \S+ is not >=999; no-such-package is not installed", machine.packages().found)
    told = [check.line for check in machine.extras()]
    assert any("absent is not installed; `pip install 'cte-lake[prepare]'`" in line for line in told)


def test_a_machine_without_a_lake_is_examined_too(tmp_path):
    done = subprocess.run(
        [os.sys.executable, "-m", "cte_lake", "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert "no lake is checked" in done.stderr
    assert all(re.match(r"(ok|warn|fail) ", line) for line in done.stdout.splitlines())
