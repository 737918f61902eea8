"""Which code this is."""

import shutil

import pytest

from cte_lake import resources
from cte_lake.resources import code_digest, data_dir


@pytest.mark.parametrize("changed", ["package/model/flags.py", "sql/slopes.sql", "catalog_schemas/phot.toml"])
def test_the_digest_of_the_code_follows_every_source(tmp_path, monkeypatch, changed):
    shutil.copytree(resources._PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("sql", "catalog_schemas"):
        shutil.copytree(data_dir(name), tmp_path / name)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "package")
    # What is remembered under the digest of one machine holds on another.
    assert code_digest.__wrapped__() == code_digest()
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    assert code_digest.__wrapped__() != code_digest()
