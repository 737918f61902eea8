"""Entries for cron and systemd that run the night, and the housekeeping of each month."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cte_lake.errors import UsageError

#: What is said of the lines in a crontab, by which they are found again.
BEGIN, END = "# cte-lake begin {lake}", "# cte-lake end {lake}"
SERVICE, TIMER, CRON = "cte-lake-refresh.service", "cte-lake-refresh.timer", "cte-lake.cron"
#: Two sentences on mail, which both kinds of entries share.
_MAILED = "What is printed on standard error is mailed{how}; it is printed only when something needs a look."
_MONTHLY = (
    "# On the first of each month: merge small files, delete what was superseded a month ago, "
    "read every byte."
)
_HOUSEKEEPING = 'refresh --step compact --step "vacuum --grace 30d --yes" --step verify'
#: Local time of the night: no zone puts its clocks on or back then, so that no day lacks it or has it twice.
AT = "04:17"
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
#: What cron takes for an address; to others it sends nothing, and says so in the system's log alone.
_ADDRESS = re.compile(r"[A-Za-z0-9][\w.+!-]*(@[A-Za-z0-9][A-Za-z0-9.-]*)?", re.ASCII)
#: Longest line that every cron reads.
_LONGEST = 900


@dataclass(frozen=True)
class Site:
    """What an entry runs, where and when.

    Attributes
    ----------
    lake : str
        The lake: a path or s3://BUCKET/PREFIX.
    command : str
        Path of the installed ``cte-lake``.
    mail : str
        Address, or name of a local user.
    options : str
        Of the night's ``refresh``, as a shell reads them; the lake's configuration holds the rest.
    at : str
        Time of day, 'HH:MM', local.
    user : str
        User of the systemd service, '' for the one who installs it.

    Raises
    ------
    UsageError
        If address or time are none, or a path cannot stand in such an entry.
    """

    lake: str
    command: str
    mail: str
    options: str = ""
    at: str = AT
    user: str = ""

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.mail):
            raise UsageError(
                f"--mail {self.mail!r} is not an address that cron takes; write NAME@HOST, or the name of a "
                "local user"
            )
        if not _TIME.fullmatch(self.at):
            raise UsageError(f"--at {self.at!r} is not a time of day; write HH:MM, such as {AT}")
        for path in (self.lake, self.command):
            # Cron cuts blanks off the end of a setting.
            if not path.isprintable() or path != path.strip() or len(path.encode()) > _LONGEST:
                raise UsageError(f"{path!r} cannot stand in an entry of cron or systemd; use a plainer path")

    @property
    def hour(self) -> int:
        """Hour of the day."""
        return int(self.at.partition(":")[0])

    @property
    def minute(self) -> int:
        """Minute of the hour."""
        return int(self.at.partition(":")[2])


def cron_text(site: Site) -> str:
    """Return the lines for a crontab."""
    # In a crontab a % ends the command; in a setting of it, quotes would be part of the value.
    line = "{minute} {hour} {days} * * {command} >> {log}"
    on_disk = not site.lake.startswith("s3://")
    log = '"$CTE_LAKE_LAKE/logs/refresh.jsonl"' if on_disk else "/dev/null"
    nightly = " ".join(
        ('"$CTE_COMMAND" refresh', *([site.options.replace("%", r"\%")] if site.options else []))
    )
    later = (site.hour * 60 + site.minute + 146) % 1440
    return "\n".join(
        (
            BEGIN.format(lake=site.lake),
            f"# Every night at {site.at}. {_MAILED.format(how=' by cron')}",
            f"MAILTO={site.mail}",
            f"CTE_LAKE_LAKE={site.lake}",
            f"CTE_COMMAND={site.command}",
            line.format(minute=site.minute, hour=site.hour, days="*", command=nightly, log=log),
            _MONTHLY,
            line.format(
                minute=later % 60,
                hour=later // 60,
                days="1",
                command=f'"$CTE_COMMAND" {_HOUSEKEEPING}',
                log=log,
            ),
            END.format(lake=site.lake),
            "",
        )
    )


def service_text(site: Site) -> str:
    """Return the systemd service of the night."""
    script = (
        'exec 3>&1; told=$("$0" "$@" 2>&1 >&3); code=$?; test -z "$told" || test $code -eq 75 || '
        'echo "$told" | timeout -k 60 600 mail -s "cte-lake refresh" "$MAILTO" || '
        'echo "$told (not mailed: mail failed, or took over 10 minutes)" >&2; exit $code'
    )
    user = f"User={site.user}\n" if site.user else ""
    # Where variables stand for something, a $ is doubled.
    words = (_unit_word(site.command).replace("$", "$$"), "refresh", site.options.replace("%", "%%"))
    command = " ".join(filter(None, words))
    return f"""\
[Unit]
Description=Bring the CTE lake up to date

[Service]
Type=oneshot
{user}Environment={_unit_word(f"CTE_LAKE_LAKE={site.lake}")}
Environment=MAILTO={site.mail}
# {_MAILED.format(how=", as cron does it")} The journal has it where no mail can be sent.
ExecStart=/bin/sh -c '{script}' {command}
# Another refresh is running: that one reports.
SuccessExitStatus=75
Nice=10
TimeoutStartSec=20h
"""


def timer_text(site: Site) -> str:
    """Return the systemd timer of the night."""
    return f"""\
[Unit]
Description=Bring the CTE lake up to date every night

[Timer]
OnCalendar=*-*-* {site.hour:02d}:{site.minute:02d}
# A night that the machine slept through is made up for.
Persistent=true
RandomizedDelaySec=10min

[Install]
WantedBy=timers.target
"""


def _unit_word(text: str) -> str:
    """Return one word of a unit file: quoted where need be, with nothing that systemd would replace."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[\s'\"\\;]", text) else escaped


def in_crontab(crontab: str, site: Site) -> str:
    """Return a crontab with the entry of a lake in place of the one it had; other lines stay."""
    begin, end = BEGIN.format(lake=site.lake), END.format(lake=site.lake)
    pattern = rf"^{re.escape(begin)}\n.*?^{re.escape(end)}\n?"
    others = re.sub(pattern, "", crontab, flags=re.MULTILINE | re.DOTALL)
    return f"{others.rstrip()}\n\n".lstrip() + cron_text(site)


def night_in(crontab: str, lake: str) -> dict[str, str] | None:
    """Return the settings in force where a crontab starts the night of a lake; None where it does not."""
    settings: dict[str, str] = {}
    for line in crontab.splitlines():
        if found := re.fullmatch(r"\s*(\w+)\s*=\s*(.*?)\s*", line):
            settings[found[1]] = re.sub(r"""^(['"])(.*)\1$""", r"\2", found[2])
        elif re.match(r"(?!.*--step)\s*[\d*@].*\brefresh\b", line) and lake in (
            settings.get("CTE_LAKE_LAKE"),
            *re.split(r"[\s'\"]+", line),
        ):
            return settings
    return None
