"""Which worker runs which tests: what shares a dear fixture stays together, and what takes longest begins."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Rooms whose files share a lake or a server that takes seconds to make.
TOGETHER = ("tests/report/",)
#: Of the slow tests those that take longest: at the end of a run, one worker would wait for them.
FIRST = (
    "tests/docs/test_docs.py", "tests/faults/test_kills.py", "tests/report/", "tests/e2e/test_monitor.py",
    "tests/workflow/test_run.py", "tests/sql/test_kept.py", "tests/e2e/test_wheel.py", "tests/demo/",
    "tests/e2e/test_archive_frames.py", "tests/jobs/", "tests/correction/test_closure.py",
    "tests/pipeline/crmask/", "tests/pipeline/master_build/", "tests/faults/test_mix.py",
    "tests/model/test_law_trial.py",
)  # fmt: skip


def rank(item: pytest.Item) -> int:
    """Where a test comes among all."""
    return next((at for at, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))


def group(nodeid: str) -> str:
    """Return what stays on one worker with this test: its room if `TOGETHER` names it, else its file."""
    file = nodeid.partition("::")[0]
    return next((room for room in TOGETHER if file.startswith(room)), file)


class ByFixtures(LoadScopeScheduling):
    """Gives a worker a group at a time, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
