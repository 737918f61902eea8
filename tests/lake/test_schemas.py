import pytest

from cte_lake.errors import LakeError
from cte_lake.lake.schemas import dataset, dataset_names, radius_suffix
from cte_lake.radii import RADII


@pytest.mark.parametrize("name", dataset_names())
def test_every_column_says_what_it_is(name):
    stated = dataset(name)
    columns = stated.expanded()
    assert len({column.name for column in columns}) == len(columns)
    for column in columns:
        assert column.description, column.name
        assert column.source, column.name
        assert column.since >= 1
    assert set(stated.key) | set(stated.sort) <= {c.name for c in columns} | set(stated.partitions)


def test_phot_has_the_contracts_columns():
    names = set(dataset("phot").schema().names)
    for radius in RADII:
        suffix = radius_suffix(radius)
        assert {f"flux_{suffix}", f"flux_err_{suffix}", f"bkg_{suffix}", f"area_{suffix}"} <= names
    assert {"imagename", "master_id", "x", "y", "ra", "dec", "sky", "sky_err", "flags"} <= names


def test_exposures_has_the_contracts_columns():
    wanted = (
        "imagename rootname filetype target targname proposal visit filter exptime length mjd chinject flash "
        "chip postarg1 postarg2 sky n_stars mode cal_ver path"
    )
    assert set(wanted.split()) <= set(dataset("exposures").schema().names)


def test_unknown_names_are_refused():
    with pytest.raises(LakeError, match="no dataset is called 'galaxies'"):
        dataset("galaxies")
    with pytest.raises(LakeError, match=r"2\.5 px has no column"):
        radius_suffix(2.5)
