import tomllib

import pytest

from cte_lake.config import default_text, describe, load_settings
from cte_lake.errors import ConfigError
from cte_lake.radii import RADII


@pytest.fixture
def lake(tmp_path):
    def write(text):
        (tmp_path / "cte_lake.toml").write_text("lake_version = 1\n" + text)
        return tmp_path

    return write


def value(settings, key):
    return next((s.value, s.origin) for s in settings if s.key == key)


def test_flag_wins_over_environment_over_file_over_default(lake):
    root = lake("[measure]\naperture = 5\nclip_sigma = 3.0\nepoch_width = 20.0\n")
    environment = {"CTE_LAKE_MEASURE_CLIP_SIGMA": "3.5", "CTE_LAKE_MEASURE_EPOCH_WIDTH": "25"}
    settings = load_settings(root, {"measure.epoch_width": "28"}, environment)
    assert value(settings, "measure.estimator") == ("log_ratio", "default")
    assert value(settings, "measure.aperture") == (5, "cte_lake.toml")
    assert value(settings, "measure.clip_sigma") == (3.5, "environment CTE_LAKE_MEASURE_CLIP_SIGMA")
    assert value(settings, "measure.epoch_width") == (28.0, "flag measure.epoch_width")


def test_tables_merge_and_lists_replace(lake):
    root = lake(
        '[targets.ngc188]\nnames = ["NGC188"]\npairing = "chips"\n'
        '[exclusions.visits]\n"12379/07" = false\n"14541/02" = "shutter failed"\n'
        "[measure]\nflux_bins = [[100, 200]]\n"
    )
    config = load_settings(root, environment={}).config
    assert {"ngc188", "ngc104"} <= set(config.targets)
    assert config.exclusions.visits["12379/07"] is False
    assert config.exclusions.visits["14541/02"] == "shutter failed"
    assert config.exclusions.visits["14012/05"]
    assert config.measure.flux_bins == [(100.0, 200.0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[photometry]\nmod = 'iraf'\n", ["'photometry.mod'", "cte_lake.toml", "mode, engine"]),
        ("[photometry]\nmode = 'best'\n", ["photometry.mode", "cte_lake.toml", "'standard'", "'best'"]),
        ("[photometry]\nradii = [3, 4]\n", ["photometry.radii", "2, 3, 5"]),
        ("[measure]\nflux_bins = [[500, 250]]\n", ["measure.flux_bins", "[500, 250]"]),
        ("[measure]\naperture = 4\n", ["measure.aperture", "must be one of 2, 3, 5"]),
        ("[chips]\nshort_limit = 'long'\n", ["chips.short_limit", "number", "'long'"]),
        ("[exclusions.visits]\n'07' = 'bad'\n", ["'07'", "12379/07"]),
        ("[targets.'../x']\nnames = ['X']\npairing = 'chips'\n", ["../x", "lower-case"]),
        ("[proposals.99]\ncycle = 1\ntargets = ['m31']\n", ["proposals.99", "m31"]),
        ("[measure\n", ["cte_lake.toml", "not valid TOML"]),
        ("extra = 1\n", ["'extra'", "measure"]),
        ("[workers]\nmemory_limit = '5 bananas'\n", ["workers.memory_limit", "'5 bananas'", "'4GB'"]),
        ("[workers]\nmemory_limit = '4'\n", ["workers.memory_limit", "with its unit"]),
        ("[crmask]\ngood_bits = 'all'\n", ["crmask.good_bits", "'all'", "'16,64'"]),
        ("[crmask]\nsnr = [nan, 4.0]\n", ["crmask.snr", "a number > 0"]),
        ("[align]\nroundness = [nan, 1.0]\n", ["align.roundness", "must rise"]),
        (
            "[refresh]\nsets = [{target = '47 Tuc', filter = 'F502N', filetype = 'raw'}]\n",
            ["sets[0].filetype", "'raw'"],
        ),
        ("[proposals.x]\ncycle = 3\n", ["proposals.x", "a whole number"]),
        ("[targets.a]\nnames = ['A']\npairing = 'chip'\n", ["targets.a.pairing", "'chips', '180'", "'chip'"]),
        ("[targets.a]\nnames = ['A']\n", ["targets.a.pairing", "is missing"]),
        (
            "[measure]\naperture = 5.5\nmin_area = 2\n",
            ["measure.aperture", "a whole number", "measure.min_area", "<= 1"],
        ),
        ("[photometry]\nuse_crmask = 'yes'\n", ["photometry.use_crmask", "true or false", "'yes'"]),
        ("[fetch]\ntimeout = inf\n", ["fetch.timeout", "86400"]),
        (f"[crmask]\nsnr = {'[' * 5000}{']' * 5000}\n", ["cte_lake.toml", "nested too deeply"]),
        (f"crmask.{'a.' * 5000}a = 1\n", ["cte_lake.toml", "nested more than"]),
        (
            "[photometry.added.peak]\nfunction = 'a:b'\ndescription = 'peak'\nunit = 'furlong per'\n",
            ["photometry.added.peak.unit", "astropy knows no unit 'furlong per'"],
        ),
        ("[exclusions.targets]\ntargets = ['ngc104cal2']\n", ["exclusions.targets", "'ngc104cal2'"]),
        ("[exclusions.x_dither]\nexcept_targets = ['m31']\n", ["exclusions.x_dither", "'m31'"]),
        ("[proposals.14378.flash]\nm31 = [6]\n", ["proposals.14378.flash", "'m31'"]),
        (
            "[[refresh.sets]]\ntarget = '48 Tuc'\nfilter = 'F502N'\nfiletype = 'flt'\n",
            ["refresh.sets", "did you mean '47-TUC'"],
        ),
    ],
)
def test_a_bad_file_is_refused_with_key_place_and_remedy(lake, text, words):
    with pytest.raises(ConfigError) as refusal:
        load_settings(lake(text), environment={})
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("limit", ["4GB", "0.9 gib", "512MiB", "2 TB", "900kB"])
def test_a_memory_limit_is_one_that_dask_understands(limit):
    from dask.utils import parse_bytes

    assert load_settings(flags={"workers.memory_limit": limit}, environment={}).config
    assert parse_bytes(limit) > 8e5


@pytest.mark.parametrize(("key", "value"), [("a." * 5000 + "a", 1), ("crmask.snr", "[" * 5000 + "]" * 5000)])
def test_a_flag_nested_deeply_is_refused(key, value):
    with pytest.raises(ConfigError, match=r"is not a configuration key|expected a list, got"):
        load_settings(flags={key: value}, environment={})


def test_an_unknown_variable_is_refused():
    with pytest.raises(ConfigError, match="CTE_LAKE_MEASURE_APERTUR "):
        load_settings(environment={"CTE_LAKE_MEASURE_APERTUR": "3"})


def test_the_lake_variable_is_no_key():
    assert load_settings(environment={"CTE_LAKE_LAKE": "/somewhere"}).config


def test_every_key_of_the_defaults_has_a_meaning():
    assert [s.key for s in load_settings(environment={}) if not describe(s.key)] == []


def test_defaults_cover_the_monitor():
    config = load_settings(environment={}).config
    assert set(config.proposals) == {11924, 12348, 12379, 12692, 13083, 13566, 14012, 14378, 14541, 17674}
    bad_visits = {key for key, why in config.exclusions.visits.items() if why}
    assert bad_visits == {"12379/07", "12379/13", "14012/05"}
    assert config.targets["ngc6583"].pairing == "180"
    assert tomllib.loads(default_text())["exclusions"]["x_dither"]["except_targets"] == ["ngc6583"]


@pytest.mark.parametrize("name", ["NGC104", "NGC 0104", "47-TUC", "47 Tuc", "47 Tucanae", "47TUCANAE"])
def test_names_of_47_tucanae_need_no_configuration(name):
    assert load_settings(environment={}).config.names().target(name) == "ngc104"


def test_hash_depends_on_the_named_sections_alone():
    plain = load_settings(environment={})
    other = load_settings(flags={"measure.aperture": 5}, environment={})
    assert plain.hash("photometry") == other.hash("photometry")
    assert plain.hash("measure") != other.hash("measure")
    assert plain.hash() != other.hash()


def test_all_radii_are_measured_by_default():
    assert load_settings(environment={}).config.photometry.radii == list(RADII)


def test_a_misspelt_variable_is_told_the_one_that_was_meant():
    with pytest.raises(ConfigError, match=r"CTE_LAKE_MEASURE_APERTURE sets measure\.aperture"):
        load_settings(environment={"CTE_LAKE_MEASURE__APERTURE": "5"})
