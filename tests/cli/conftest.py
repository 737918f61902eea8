"""What tests of the command line share."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def signals_heard() -> Iterator[None]:
    """Signals that the caller of the tests ignores, as nohup does, would be ignored by the commands too."""
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
