"""Compiled code is kept, and never kept beyond what it was made from."""

import os
import subprocess
import sys

import pytest

from cte_lake.compiled import compiled

CONSTANTS = "HEIGHT = {height}\n"
INNER = """
from constants import HEIGHT
from cte_lake.compiled import compiled

@compiled
def inner(x):
    return {body} + HEIGHT
"""
OUTER = """
from cte_lake.compiled import compiled
from inner import inner

@compiled
def outer(x):
    return 10.0 * inner(x)

if __name__ == "__main__":
    value = outer(1.0)
    print(value, sum(outer.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_change_in_another_file_is_seen(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)

    def outer(body, height):
        for name, text in {
            "inner": INNER.format(body=body),
            "constants": CONSTANTS.format(height=height),
        }.items():
            (tmp_path / f"{name}.py").write_text(text)
        run = [sys.executable, "-B", "outer.py"]
        return subprocess.check_output(run, cwd=tmp_path, env=os.environ, text=True, timeout=300).split()

    assert outer("x", 2) == ["30.0", "0"]
    assert outer("x", 2) == ["30.0", "1"], "what is as it was is not compiled again"
    assert outer("x + x", 2) == ["40.0", "0"]
    assert outer("x + x", 5) == ["70.0", "0"]


def test_what_the_digest_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="compiled code cannot hold CONSTANTS_AS_READ, a dict"):

        @compiled
        def reads():
            return CONSTANTS_AS_READ["a"]


CONSTANTS_AS_READ = {"a": 1}
