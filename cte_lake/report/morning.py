"""The first screen of the report: the night, alarms, what is missing, the newest losses, the coefficients."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake.model.loss_unit import MAGNITUDES, PERCENT
from cte_lake.model.points import EPOCH_WIDTH
from cte_lake.pipeline.night import LossMove, Night, Trouble
from cte_lake.report import tables
from cte_lake.report.gather import Row
from cte_lake.views.audits import ALARM
from cte_lake.wording import ELECTRONS, bin_text, count_text, target_text, word

if TYPE_CHECKING:
    from cte_lake.correction.renewal import SetState

Cells = dict[str, Any]
#: Difference over its error beyond which a change is printed bold.
_MARKED = 3.0
#: Sentences of one kind that the first screen has room for; the others unfold.
_MOST = 4
#: Longest time between the starts of two nights, with some grace.
_A_NIGHT = timedelta(hours=36)


def _line(
    name: str, tag: str, good: bool | None, text: str, sentences: Sequence[str] = (), link: str = ""
) -> Cells:
    """A line of the first screen; `good` is None where it is neither well nor not."""
    style = {True: "good", False: "warn", None: "none"}[good]
    shown = {"sentences": list(sentences[:_MOST]), "more": list(sentences[_MOST:])}
    return {"name": name, "tag": tag, "style": style, "text": text, "link": link} | shown


def night_line(night: Night | None, moment: datetime) -> Cells:
    """What the last ``cte-lake refresh`` did, as seen at a moment."""
    name = "Last night"
    if night is None:
        return _line(name, "no record", None, "No night is on record; cte-lake refresh keeps one.")
    failed = [f"{step.name} failed: {step.reason or f'exit code {step.exit_code}'}" for step in night.failed]
    troubles = [one.text for one in night.troubles if _only_here(one, night)]
    if failed or night.exit_code:
        return _line(name, "failed", False, f"{night.text}.", [*failed, *troubles])
    if moment - datetime.fromisoformat(night.started).astimezone(UTC) > _A_NIGHT:
        text = f"No refresh has run since; look at cron or the timer. {night.text}."
        return _line(name, "none", False, text, troubles)
    if night.ended:
        return _line(name, "look" if troubles else "well", not troubles, f"{night.text}.", troubles)
    running = next((step.name for step in night.steps if step.outcome == "running"), "")
    if running != "report":
        return _line(name, "not ended", False, f"{night.text}.", troubles)
    # This page is a step of the night: what came before it went well.
    came = ", ".join(f"{count:,} {what}" for what, count in night.new.items() if count) or "nothing new"
    when = f"{datetime.fromisoformat(night.started):%Y-%m-%d %H:%M} UTC"
    tag = "look" if troubles else "well"
    return _line(name, tag, not troubles, f"{when}: well up to this page, {came}.", troubles)


def _only_here(trouble: Trouble, night: Night) -> bool:
    """Whether a trouble is on no other line of the screen: of refused files those of this night alone."""
    kind = trouble.key.partition(" ")[0]
    if kind in {"reject", "quarantine"}:
        return trouble.since == night.started
    return kind not in {"alarm", "audit", "overdue", "step", "verify"}


def alarm_line(
    rows: Sequence[Row],
    seen: bool,
    audits: Mapping[str, Any] | None = None,
    verified: Mapping[str, Any] | None = None,
) -> Cells:
    """Alarms of the losses, and what audits and verification found.

    ``seen`` says whether there are slopes in which it looked.
    """
    failed = [] if audits is None else [name for name in audits["rows"] if name != ALARM]
    sentences = [alarm_text(row) for row in rows]
    sentences += [f"audit {name} found rows that must not be; cte-lake audit lists them" for name in failed]
    if verified is not None and verified["harmful"]:
        found = count_text(verified["harmful"], "damaged or missing file")
        sentences.append(f"verify found {found} on {verified['at'][:10]}; cte-lake status names them")
    if sentences:
        text = "The losses of the newest epoch are not what the earlier ones predict." if rows else ""
        return _line(
            "Alarms", count_text(len(sentences), "alarm"), False, text or "The lake needs a look.", sentences
        )
    if not seen:
        return _line("Alarms", "none", None, "There is no slope yet that could raise one.")
    return _line("Alarms", "none", True, "No newest epoch departs from what the earlier ones predict.")


def alarm_text(row: Row) -> str:
    """Return whose losses departed when, and by how much, for the page and the mail."""
    how = "higher" if row["departure"] > 0 else "lower"
    return (
        f"{target_text(row['target'])}, {row['filter']}, {word('length', row['length'])}, "
        f"{str(row['filetype']).upper()}, "
        f"{tables.date_text(row['mjd'])}: {abs(row['departure']):.1%} ± {row['departure_err']:.1%} {how} "
        f"({row['errors']:.1f} errors)"
    )


def alarms_of(fitted: Sequence[Row]) -> list[Cells]:
    """The alarms of slopes, as the audit ``departing_epoch`` has them."""
    # The model is for slopes that are new: a night without news has none.
    from cte_lake.model.alarm import alarms

    return alarms(pa.Table.from_pylist([dict(row) for row in fitted])) if fitted else []


def coverage_line(coverage: Mapping[str, Any]) -> Cells:
    """Overdue and incomplete visits."""
    late, text = coverage["overdue"], f"{coverage['text'].capitalize()}."
    if late:
        return _line("Visits", "overdue", False, text, late, "#coverage")
    return _line("Visits", "on time", True, text, (), "#coverage")


def files_line(now: Mapping[str, Any], files: Mapping[str, Any] | None) -> Cells:
    """What became of the files, and what was refused."""
    parts = [f"The last ingest found {files['text']}"] if files else ["No ingest is on record"]
    refused = now["rejected"] + now["quarantined"]
    parts.append(
        f"{now['rejected']} rejected, {now['quarantined']} quarantined, {now['excluded']} left out by rule"
    )
    tag = f"{refused} refused" if refused else "none refused"
    return _line("Files", tag, not refused, "; ".join(parts) + ".", (), "quality.html")


def coefficient_line(states: Sequence[SetState], unread: Sequence[str] = ()) -> Cells:
    """The coefficient sets that observers should use, their age, which are stale, and what cannot be read."""
    name, link = "Coefficients", "coefficients.html"
    used = [one for one in states if one.use]
    if unread:
        tag = f"{len(unread)} not readable"
        text = f"{count_text(len(used), 'set')} to use; one that cannot be read is left out of all figures."
        return _line(name, tag, False, text, unread, link)
    if not used:
        return _line(name, "none", None, "The lake holds no set; cte-lake fit makes one.", (), link)
    stale = [one for one in used if one.state == "stale"]
    sentences = [f"{one.coefficients.name} is {one.state}: {one.reason}" for one in states if _is_news(one)]
    text = f"{count_text(len(used), 'set')} to use, the newest {age_text(used[0])}."
    if stale:
        return _line(
            name,
            f"{len(stale)} stale",
            False,
            f"{text} cte-lake run --steps fit renews them.",
            sentences,
            link,
        )
    known = all(one.state == "current" for one in used)
    return _line(name, "current" if known else "not known", known or None, text, sentences, link)


def _is_news(one: SetState) -> bool:
    return bool(one.reason) and one.state != "superseded"


def age_text(one: SetState) -> str:
    """When a set was made and to what date it rests on data."""
    made, rests = one.coefficients.provenance.get("date", ""), f"rests on data to {_last_date(one)}"
    if not math.isfinite(one.age):
        return rests
    days = int(one.age)
    ago = f" ({count_text(days, 'day')} ago)" if days > 0 else ""
    return f"was made {made[:10]}{ago} and {rests}"


def _last_date(one: SetState) -> str:
    return str(tables.date_text(one.coefficients.validity.mjd[1]))


def newest_table(moves: Sequence[LossMove]) -> Cells:
    """The losses of the newest epoch of each target: a block a mode, a row a flux bin.

    Returns
    -------
    dict
        blocks (title, dates and rows of cells) of modes measured in the newest epoch of their target.
    """
    newest: dict[str, float] = defaultdict(float)
    modes: dict[tuple[Any, ...], list[LossMove]] = defaultdict(list)
    for move in moves:
        newest[move.target] = max(newest[move.target], move.mjd)
    for move in moves:
        if move.mjd > newest[move.target] - EPOCH_WIDTH:
            modes[(move.target, move.filter, move.length, move.flash, move.filetype != "flt")].append(move)
    # The target that was observed last comes first.
    ordered = sorted(modes.items(), key=lambda item: (-newest[item[0][0]], item[0]))
    return {"blocks": [_block(of_mode) for _, of_mode in ordered]}


def _block(moves: Sequence[LossMove]) -> Cells:
    first = moves[0]
    before = next((move.mjd_before for move in moves if move.mjd_before is not None), None)
    return {
        "title": f"{target_text(first.target)}, {tables.mode_text(vars(first))}",
        "dates": f"{tables.date_text(first.mjd)}; before: {tables.date_text(before) or 'none'}",
        "rows": [_cells(move) for move in moves],
    }


def _cells(move: LossMove) -> Cells:
    change, change_err = _less(move, move.loss_before, move.loss_before_err)
    excess, excess_err = _less(move, move.model, move.model_err)
    return {
        "bin": bin_text(move.bin_lo, move.bin_hi).removesuffix(f" {ELECTRONS}"),
        "loss": _kept_together(PERCENT.text(move.loss, move.loss_err)),
        "loss_mag": _kept_together(MAGNITUDES.text(move.loss, move.loss_err)),
        "change": signed_text(change, change_err),
        "change_marked": _marked(change, change_err),
        "excess": signed_text(excess, excess_err),
        "excess_marked": _marked(excess, excess_err),
    }


def _less(move: LossMove, value: float | None, error: float | None) -> tuple[float | None, float | None]:
    """The loss less another one, with the error of both."""
    return (None, None) if value is None else (move.loss - value, math.hypot(move.loss_err, error or 0.0))


def signed_text(value: float | None, error: float | None) -> str | None:
    """A difference of losses in percent with its sign and error."""
    if value is None or error is None:
        return None
    # Adding 0 takes the sign off what rounds to nothing.
    percent = round(100 * value, 2) + 0.0
    return _kept_together(f"{percent:+.2f}".replace("-", "\u2212") + f" ± {100 * error:.2f}")


def _kept_together(text: str | None) -> str | None:
    """A value that a narrow column breaks before its error, not within that."""
    return None if text is None else text.replace("± ", "±\u00a0")


def _marked(value: float | None, error: float | None) -> bool:
    return value is not None and error is not None and abs(value) > _MARKED * error


def news_line(fresh: Mapping[str, Any]) -> Cells:
    """What is new since the last report."""
    since = f"Since the report of {fresh['since_text']}: " if fresh["since"] else "The first report: "
    listed = bool(fresh["since"] and fresh["rows"])
    tag = "new" if fresh["rows"] else "nothing"
    return _line("New", tag, None, f"{since}{fresh['text']}.", (), "#news" if listed else "")
