"""The command ``status``: the state of the monitor in the terminal."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import typer

from cte_lake.cli.app import LAKE, app
from cte_lake.cli.options import JsonOption, LakeOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_WIDTH = 80
#: Refused files that are listed by name.
_LISTED = 5
#: Troubles of the night that have lines of their own.
_ELSEWHERE = frozenset({"alarm", "step", "reject", "quarantine", "overdue", "verify"})


@app.command(rich_help_panel=LAKE)
def status(*, asked: LakeOptions, as_json: JsonOption = False) -> None:
    """Show the state of the monitor: what the lake holds, what was rejected, what is new.

    Reads no photometry. The losses are those of the last report.
    """
    from cte_lake.report.status import lake_status

    with asked.opened() as opened:
        found = lake_status(opened, asked.mode or opened.settings().config.photometry.mode)
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=str))
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: Mapping[str, Any]) -> list[str]:
    from cte_lake.report.coverage import lines as missing
    from cte_lake.wording import count_text

    lines = [_fact("Lake", f"{found['lake']} (mode {found['mode']})"), *_night(found["night"])]
    lines += [*_measured(found["state"]), *_targets(found["targets"]), *_not_measured(found)]
    lines.append(_fact("Coverage", found["coverage"]["text"]))
    for line in missing(found["coverage"], _LISTED):
        lines += _wrapped(line)
    if aligned := found["state"]["aligned"]:
        lines.append(_fact("Alignment", f"{count_text(aligned, 'exposure')} aligned"))
    return [*lines, *_verified(found["verified"]), *_report(found["report"])]


def _measured(state: Mapping[str, Any]) -> list[str]:
    from cte_lake.wording import count_text

    latest = state["latest"]
    lines = [_fact("Latest epoch", latest["text"] if latest else "none: nothing is measured yet")]
    measured = f"{count_text(state['images'], 'image')}, {count_text(state['pairs'], 'pair')}"
    lines.append(_fact("Measured", f"{measured}, {count_text(state['stars'], 'star measurement')}"))
    if state["unmasked"]:
        lines += _wrapped(
            f"{count_text(state['unmasked'], 'pair')} without cosmic-ray masks: losses of faint stars come "
            "out too low; run `cte-lake crmask`, then `ingest`"
        )
    return lines


def _targets(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = ("images", "pairs", "epochs")
    lines = [" " * 18 + "".join(f"{key:>9}" for key in keys) + "   dates"] if targets else []
    for row in targets:
        counts = "".join(f"{row[key]:>9,}" for key in keys)
        dates = row["first"] if row["first"] == row["last"] else f"{row['first']} to {row['last']}"
        lines.append(f"  {row['name'][:15]:<16}{counts}   {dates}")
    return lines


def _not_measured(found: Mapping[str, Any]) -> list[str]:
    state = found["state"]
    refused = f"{state['rejected']} rejected, {state['quarantined']} quarantined"
    refused += f", {state['excluded']} excluded by rule"
    lines = [_fact("Not measured", refused)]
    if found["files"]:
        lines.append(_fact("Last ingest", f"{found['files']['text']} ({found['files']['at'][:16]} UTC)"))
    for row in found["rejects"][:_LISTED]:
        lines += _wrapped(f"{row['file']}: {row['detail']}")
    if len(found["rejects"]) > _LISTED:
        lines.append(
            f"  ... and {len(found['rejects']) - _LISTED} more; `cte-lake sql 'FROM rejects'` lists them"
        )
    return lines


def _report(report: Mapping[str, Any] | None) -> list[str]:
    if report is None:
        return [_fact("Report", "none yet; `cte-lake report` makes one")]
    lines = [_fact("Report", f"{report['made']}, {report['path']}"), _fact("Since then", report["news"])]
    if report["losses"]:
        lines.append("Loss per 2048 rows in the latest epochs, by the report (%)")
        lines += [f"  {line}" for line in report["losses"]]
    return lines


def _night(record: Mapping[str, Any] | None) -> list[str]:
    if record is None:
        return []
    lines = [_fact("Last night", record["text"])]
    causes = [f"{step['name']}: {step['reason']}" for step in record["steps"] if step["outcome"] == "failed"]
    causes += [alarm["text"] for alarm in record["alarms"]]
    troubles = [one for one in record["troubles"] if one["key"].partition(" ")[0] not in _ELSEWHERE]
    causes += [one["text"] for one in troubles]
    return [*lines, *(line for text in causes for line in _wrapped(text))]


def _verified(record: Mapping[str, Any] | None) -> list[str]:
    if record is None:
        return [_fact("Verified", "never; `cte-lake verify` reads every file")]
    found = f"{record['harmful']} harmful" if record["harmful"] else "nothing harmful"
    lines = [
        _fact("Verified", f"{record['at']}, {record['in_full']} of {record['files']} files in full: {found}")
    ]
    for finding in record["findings"][:_LISTED]:
        lines += _wrapped(f"{finding['path']}: {finding['detail']}")
    return lines


def _fact(name: str, text: str) -> str:
    first, *rest = textwrap.wrap(text, _WIDTH - 16, break_on_hyphens=False) or [""]
    return "\n".join([f"{name:<16}{first}", *(" " * 16 + line for line in rest)])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
