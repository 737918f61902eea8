"""The mail of a night: when one is sent, and what it says to a person with ten seconds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cte_lake.pipeline.night import LossMove, Night, Trouble
from cte_lake.report.tables import date_text
from cte_lake.wording import bin_text, count_text, target_text

_WIDTH = 92
_INDENT = 14
#: Losses, and troubles of a kind, that a mail names.
_LOSSES, _TROUBLES = 6, 10


@dataclass(frozen=True)
class Letter:
    """A mail, '' where none is to be sent.

    Attributes
    ----------
    body : str
        The mail.
    why : str
        'trouble', 'reminder', 'mended', 'news', or '' for no mail.
    in_full : bool
        Whether it names all that is wrong, not only what is new.
    """

    body: str = ""
    why: str = ""
    in_full: bool = False


def letter(night: Night, before: Night | None, mail_news: bool, remind_days: float, log: str) -> Letter:
    """Return the mail of a night.

    One is sent for trouble that the night before had not, for trouble that ended, for new data, and every
    `remind_days` for trouble that lasts. What lasts unchanged is not mailed every night.
    """
    old = {} if before is None else {trouble.key: trouble for trouble in before.troubles}
    new = [trouble for trouble in night.troubles if trouble.key not in old]
    lasting = [trouble for trouble in night.troubles if trouble.key in old]
    keys = {trouble.key for trouble in night.troubles}
    # A visit that was overdue came with news, or stays a gap.
    mended = [trouble for key, trouble in old.items() if key not in keys and trouble.remind]
    due = _reminded(night, before, lasting, remind_days)
    if new:
        why = "trouble"
    elif due:
        why = "reminder"
    elif mended:
        why = "mended"
    else:
        why = "news" if mail_news and night.new.get("measured") else ""
    if not why:
        return Letter()
    lines = _lines(night, new, lasting, mended, due, log)
    return Letter("\n".join(lines) + "\n", why, due or (bool(new) and not lasting))


def with_mailed(night: Night, before: Night | None, sent: Letter) -> Night:
    """Remember when all troubles were last mailed in full."""
    earlier = "" if before is None else before.mailed
    return replace(night, mailed=night.started if sent.in_full else earlier)


def _reminded(night: Night, before: Night | None, lasting: Sequence[Trouble], days: float) -> bool:
    if before is None or not before.mailed or not any(trouble.remind for trouble in lasting):
        return False
    # A night begins some minutes earlier or later than the others.
    since = datetime.fromisoformat(night.started) - datetime.fromisoformat(before.mailed)
    return since > timedelta(days=days) - timedelta(hours=1)


def _lines(
    night: Night,
    new: Sequence[Trouble],
    lasting: Sequence[Trouble],
    mended: Sequence[Trouble],
    due: bool,
    log: str,
) -> Iterator[str]:
    yield f"{headline(night, new)} (cte-lake, {night.lake} on {night.host})"
    yield ""
    alarms = list(_fact("Alarms", [alarm.text for alarm in night.alarms] or ["none"]))
    yield from alarms if night.alarms else ()
    came = [f"{count:,} {what}" for what, count in night.new.items() if count]
    yield from _fact("New data", [", ".join(came) or "none"])
    # An alarm has its own line above.
    fresh, known = (
        [one for one in troubles if not one.key.startswith("alarm ")] for troubles in (new, lasting)
    )
    yield from _fact("Trouble", _troubles(fresh, known, due))
    if mended:
        yield from _fact("Mended", [trouble.text for trouble in mended[:_TROUBLES]])
    yield from () if night.alarms else alarms
    yield from _fact("Missing", [night.missing_text or "not known", *(f"- {text}" for text in night.missing)])
    yield from _fact("Loss", list(_losses(night.losses)))
    fit = night.step("fit")
    yield from _fact("Coefficients", ["not fitted this night" if fit is None else fit.reason])
    yield from _fact("Log", [log])


def headline(night: Night, new: Sequence[Trouble] = ()) -> str:
    """Return the night in one sentence, what needs a look first."""
    if any(trouble.key.startswith("alarm ") for trouble in new):
        return f"ALARM, the newest epoch departs from the earlier ones; {night.text}"
    if new:
        verb = "needs" if len(new) == 1 else "need"
        return f"{night.text}; {count_text(len(new), 'new trouble')} {verb} a look"
    if night.troubles:
        return f"{night.text}; {count_text(len(night.troubles), 'known trouble')} not mended"
    return night.text


def _troubles(new: Sequence[Trouble], lasting: Sequence[Trouble], due: bool) -> list[str]:
    if not new and not lasting:
        return ["none"]
    lines = [trouble.text for trouble in new[:_TROUBLES]]
    if len(new) > _TROUBLES:
        lines.append(f"... and {len(new) - _TROUBLES} more; `cte-lake status` and the page name them")
    if due:
        lines += [f"{trouble.text} (since {trouble.since[:10]})" for trouble in lasting[:_TROUBLES]]
    elif lasting:
        first = min(trouble.since for trouble in lasting)[:10]
        lines.append(f"unchanged: {count_text(len(lasting), 'known trouble')}, the first since {first}")
    return lines


def _losses(moves: Iterable[LossMove]) -> Iterator[str]:
    """Say what moved since the record of the night before, the largest changes in their errors first."""
    moved = sorted((one for one in moves if one.loss != one.loss_last_night), key=_significance, reverse=True)
    for move in moved[:_LOSSES]:
        yield _loss_text(move)
    if len(moved) > _LOSSES:
        yield f"... and {len(moved) - _LOSSES} more on the page"
    if not moved:
        yield "as the night before"


def _significance(move: LossMove) -> float:
    if move.loss_before is None or move.loss_before_err is None:
        return 0.0
    return abs(move.loss - move.loss_before) / math.hypot(move.loss_err, move.loss_before_err)


def _loss_text(move: LossMove) -> str:
    name = (
        f"{target_text(move.target)} {move.filter} {move.length} flash {move.flash} {move.filetype.upper()}"
    )
    now = f"{100 * move.loss:.2f} ± {100 * move.loss_err:.2f} %"
    text = f"{name} {bin_text(move.bin_lo, move.bin_hi)}: {now} on {date_text(move.mjd)}"
    if move.loss_before is not None and move.loss_before_err is not None:
        change = 100 * (move.loss - move.loss_before)
        error = 100 * math.hypot(move.loss_err, move.loss_before_err)
        text += f", {change:+.2f} ± {error:.2f} since {date_text(move.mjd_before)}"
    if move.model is not None:
        text += f"; model {100 * move.model:.2f} %"
    return text


def _fact(name: str, texts: Sequence[str]) -> Iterator[str]:
    head = name
    for text in texts:
        first, *rest = textwrap.wrap(
            text, _WIDTH - _INDENT, break_on_hyphens=False, break_long_words=False
        ) or [""]
        yield f"{head:<{_INDENT}}{first}"
        yield from (" " * (_INDENT + 2) + line for line in rest)
        head = ""
