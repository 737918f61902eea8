"""The dictionary of columns: each described once, nothing stale, nothing beside it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

from astropy.io.votable.ucd import check_ucd

from cte_lake.columns import meaning
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.resources import data_dir
from cte_lake.views import sql_objects, view_columns

DICTIONARY = tomllib.loads((data_dir("sql") / "columns.toml").read_text(encoding="utf-8"))
RELATIONS = [each.name for each in sql_objects() if each.kind != "macro"]
FILES = {path: path.read_text(encoding="utf-8") for path in sorted(data_dir("sql").rglob("*.sql"))}
COMPARED = {
    f"compare/{path.stem}": re.findall(r" AS (\w+),?$", text, re.MULTILINE)
    for path, text in FILES.items()
    if path.parent.name == "compare"
}


def used() -> set[tuple[str, str]]:
    """Where each column is, names of radii folded together."""
    found = {(column.name, view) for view in RELATIONS for column in view_columns(view)}
    found |= {(column.name, name) for name in dataset_names() for column in dataset(name).expanded()}
    found |= {(column, name) for name, columns in COMPARED.items() for column in columns}
    return {(re.sub(r"_r\d\d$", "_{radius}", column), where) for column, where in found}


def test_less_than_a_twentieth_of_the_descriptions_is_a_repetition():
    described = [(name, entry["description"]) for name, entry in DICTIONARY.items()]
    described += [
        (n, other["description"]) for n, entry in DICTIONARY.items() for other in entry.get("else", ())
    ]
    for text in FILES.values():
        described += re.findall(r"\bAS (\w+),?\s+-- \[[^\]]+\] (.+)$", text, re.MULTILINE)
    for path in data_dir("catalog_schemas").glob("*.toml"):
        columns = tomllib.loads(path.read_text(encoding="utf-8"))["column"]
        described += [(c["name"], c["description"]) for c in columns if "description" in c]
    assert len(described) > 250
    assert len(described) - len(Counter(described)) < 0.05 * len(described)


def test_every_column_has_a_ucd_of_the_ivoa_and_one_for_each_unit():
    for name, entry in DICTIONARY.items():
        assert check_ucd(entry["ucd"], check_controlled_vocabulary=True), name
        for other in entry.get("else", ()):
            assert check_ucd(other.get("ucd", entry["ucd"]), check_controlled_vocabulary=True), name
            assert "ucd" in other or other.get("unit", entry.get("unit")) == entry.get("unit"), name


def test_no_entry_describes_what_is_nowhere():
    places = used()
    names = {name for name, _ in places}
    assert [name for name in DICTIONARY if name not in names] == []
    for name, entry in DICTIONARY.items():
        stated = [where for other in entry.get("else", ()) for where in other["in"]]
        assert len(stated) == len(set(stated)), name
        assert [where for where in stated if (name, where) not in places] == [], name


def test_a_column_means_something_else_only_where_the_entry_says_so():
    assert meaning("mjd", "exposures") == meaning("mjd", "alignment") != meaning("mjd", "cte")
    assert meaning("mjd", "cte") == meaning("mjd", "slopes")
    assert meaning("sky", "phot").unit == "electron"
    assert "7 px" in meaning("flux_r07", "phot").description
    assert "area_r05" in meaning("bkg_r05", "phot").description
    assert meaning("no_such_column", "cte") is None
