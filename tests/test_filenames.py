from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from cte_lake.filenames import path_from_text, path_text, printable

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: not {0, ord("/")} & set(name))


@given(NAMES)
@example(b"ann\xe9e_flt.fits")
@example(b"\\xe9")
@example(b"\\x5cxe9")
@example(b"a\nb\x1b[31m")
@example("é\u202e".encode())
@example(b"\xed\xa0\x80")
def test_any_bytes_become_text_that_gives_them_back(name):
    path = Path("/data", os.fsdecode(name))
    text = path_text(path)
    assert path_from_text(text) == path
    assert json.loads(json.dumps(text)).encode().decode().isprintable()


def test_ordinary_names_stay_as_they_are():
    for name in ("/data/ic7802aaq_flt.fits", "/données/été 1.fits", r"/a\b"):
        assert path_text(name) == printable(name) == name
