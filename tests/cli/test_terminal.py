"""Long answers go through a pager at a terminal, and nowhere else."""

import sys

import pytest

from cte_lake.cli import terminal as shown

LONG = b"".join(b"line %d\n" % number for number in range(200))


@pytest.fixture
def terminal(monkeypatch, capfd):
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    monkeypatch.setattr(sys, "stdin", sys.stdout)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("PAGER", "sed s/^/paged:/")


def test_a_long_answer_is_paged(terminal, capfd):
    assert shown.show(LONG)
    assert capfd.readouterr().out.splitlines()[-1] == "paged:line 199"


def test_a_short_one_is_not(terminal, capfd):
    assert not shown.show(b"line\n" * 23)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("program", ["", "cat", "no-such-pager-here -x"])
def test_without_a_pager_the_text_is_the_callers(terminal, monkeypatch, program):
    monkeypatch.setenv("PAGER", program)
    assert not shown.show(LONG)


def test_nothing_is_paged_into_a_pipe(terminal, monkeypatch):
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: False)
    assert not shown.show(LONG)


def test_a_dumb_terminal_has_no_pager(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert not shown.show(LONG)


def test_a_pager_that_ends_early_is_no_fault(terminal, monkeypatch):
    monkeypatch.setenv("PAGER", "true")
    assert shown.show(LONG * 1000)
