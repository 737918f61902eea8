from __future__ import annotations

import duckdb
import pytest

from cte_lake.resources import data_dir
from cte_lake.starflags import FLAGS, decode, mask_of

CASES = [0, *(flag.value for flag in FLAGS), FLAGS[0].value | FLAGS[5].value, sum(f.value for f in FLAGS)]


def test_bits_and_names_are_unique_and_in_order() -> None:
    assert [flag.bit for flag in FLAGS] == list(range(len(FLAGS)))
    assert len({flag.name for flag in FLAGS}) == len(FLAGS)
    assert all(flag.meaning.endswith(".") for flag in FLAGS)


def test_decode_and_mask_are_each_others_inverse() -> None:
    for value in CASES:
        assert mask_of(decode(value)) == value


def test_unknown_bits_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the registry"):
        decode(1 << 30)
    with pytest.raises(ValueError, match="outside the registry"):
        decode(-1)
    with pytest.raises(ValueError, match="no flag is called 'cloudy'"):
        mask_of(["cloudy"])


def test_the_sql_macro_says_the_same() -> None:
    path = data_dir("sql") / "flags_decode.sql"
    if not path.is_file():
        pytest.skip("sql/flags_decode.sql is not there")
    with duckdb.connect() as connection:
        connection.execute(path.read_text())
        for value in CASES:
            row = connection.execute("SELECT flags_decode(?::INTEGER)", [value]).fetchone()
            assert row is not None
            assert row[0] == decode(value)
