"""Every error a user can cause, and the exit codes of the command line."""

from __future__ import annotations

import re
from enum import IntEnum

from cte_lake.filenames import printable


class ExitCode(IntEnum):
    """Exit codes of ``cte-lake``; the only place where their numbers stand."""

    DONE = 0
    DEFECT = 1
    WRONG_USE = 2
    DONE_IN_PART = 3
    NOTHING_TO_DO = 4
    AUDIT_FAILED = 5
    LOCKED = 75


class CteLakeError(Exception):
    """Base of the errors that the input or the user causes; the message is one sentence.

    Attributes
    ----------
    kind : str
        Slug of the error's type, for programs (``--json``).
    exit_code : ExitCode
        What ``cte-lake`` exits with.
    """

    kind: str = "error"
    exit_code: ExitCode = ExitCode.WRONG_USE

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of the error: the sentence, not the way through the code."""
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", ())]


class CorrectionWarning(UserWarning):
    """Stars of a table that a correction flags; the message counts them by condition."""


class UsageError(CteLakeError):
    """A command was called with arguments that do not fit."""

    kind = "usage"


class ConfigError(CteLakeError):
    """A configuration key is unknown or its value is not allowed."""

    kind = "config"


class LakeError(CteLakeError):
    """The folder is not a lake, or a lake this version cannot read or write."""

    kind = "lake"


class StoreUnavailable(LakeError, OSError):
    """The object store of a lake does not answer, or refuses; for what handles files an `OSError`."""

    kind = "store"


class NotAFile(LakeError, OSError):
    """A named pipe, a device or a folder bears the name of a file; for what handles files an `OSError`."""


class CatalogError(CteLakeError):
    """A master catalog or a user's table is refused, with the row or column at fault."""

    kind = "catalog"


class ArchiveError(CteLakeError):
    """The archive cannot be reached, or does not give a file."""

    kind = "archive"
    exit_code = ExitCode.DONE_IN_PART


class NothingToDo(CteLakeError):
    """A named item does not exist."""

    kind = "nothing_to_do"
    exit_code = ExitCode.NOTHING_TO_DO


class UnknownName(NothingToDo):
    """No target or filter has the given name."""

    kind = "unknown_name"


class FitRefused(CteLakeError):
    """The data cannot support the fit that was asked for."""

    kind = "fit_refused"
    exit_code = ExitCode.NOTHING_TO_DO


class AuditFailed(CteLakeError):
    """An audit or a verification found rows that must not be."""

    kind = "audit_failed"
    exit_code = ExitCode.AUDIT_FAILED


class Locked(CteLakeError):
    """Another run of the same job holds the lock."""

    kind = "locked"
    exit_code = ExitCode.LOCKED


class Rejected(CteLakeError):
    """One input file is not measured; it goes to ``rejects`` and the others go on.

    Parameters
    ----------
    reason : str
        Slug of the reason, e.g. ``missing_keyword``.
    detail : str
        One sentence: what is wrong, where, what to do.
    stage : str
        The step that refused the file: ``read``, ``screen``, ``match``, ``measure``, ``align``, ...
        A ``screen`` row is an exclusion by a configured rule and no failure.
    """

    kind = "rejected"
    exit_code = ExitCode.DONE_IN_PART

    def __init__(self, reason: str, detail: str, stage: str = "read") -> None:
        # Names and header values are quoted in it; a table and a terminal must take whatever they hold.
        detail = printable(detail)
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.stage = stage

    def __reduce__(self) -> tuple[type[Rejected], tuple[str, str, str]]:
        # Dask sends it from a worker; Exception's own pickling would call __init__ with one argument.
        return (type(self), (self.reason, self.detail, self.stage))


#: Warnings for those who program with a library.
_ADVICE = re.compile(r",? fix it first with \.verify\(.*?\)")
_FOR_PROGRAMMERS = re.compile(r"NoneType|Traceback|\bdtype\(|\b[A-Z]\w*(Error|Exception)\b|\.verify\(")


def in_words(error: BaseException) -> str:
    """Return what a library says of a broken file, without what it says to programmers alone."""
    text = _ADVICE.sub("", " ".join(str(error).split()))
    own = isinstance(error, TypeError | AttributeError | LookupError | AssertionError | RecursionError)
    if own or not text or _FOR_PROGRAMMERS.search(text):
        return "its content is damaged, or of another format"
    return text
