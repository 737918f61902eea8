"""A lake in a bucket, on a real S3 server: places, writes, listings, reading, and what a query can reach."""

import os
import pickle
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from cte_lake import open_lake
from cte_lake.errors import LakeError, StoreUnavailable, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.index import CACHE
from cte_lake.lake.place import place_of
from cte_lake.lake.read import exposure_rows
from cte_lake.lake.stored import find_lake, stored
from cte_lake.lake.write import replacing, write_bytes, write_table
from cte_lake.views.audits import run_audits
from tests.lake.conftest import Lakes
from tests.stores import CREDENTIALS, start_server, stop_server

SECRETS = {CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}


@pytest.fixture
def place(bucket):
    return place_of(f"s3://{bucket}/some/lake")


@pytest.fixture(scope="module")
def filled_store(new_bucket):
    """A lake of eight images in a bucket, with neighbours that are none of its business."""
    import boto3

    name = new_bucket()
    root = place_of(f"s3://{name}/here/lake")
    create_lake(stored(root))
    Lakes().fill(root)
    for key in ("here/lake-of-others/x.csv", "here/secret.csv"):
        boto3.client("s3").put_object(Bucket=name, Key=key, Body=b"a\n1\n")
    boto3.client("s3").put_object(Bucket=new_bucket(), Key="x.csv", Body=b"a\n1\n")
    return root


@contextmanager
def requests(monkeypatch):
    """Count the requests to the store by their kind, and keep the keys of what was fetched."""
    from cte_lake.lake.s3 import S3

    asked, fetched, original = Counter(), [], S3._call_s3

    async def counting(self, method, *arguments, **keywords):
        asked[method] += 1
        if method == "get_object":
            fetched.append(keywords["Key"])
        return await original(self, method, *arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(S3, "_call_s3", counting)
        yield asked, fetched


def cte_lake(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-m", "cte_lake.cli.main", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**kept, **environment}, timeout=300,
    )  # fmt: skip


def test_places():
    assert str(place_of("~/x")) == str(Path("~/x").expanduser())
    assert place_of(Path("x")) == place_of(Path.cwd() / "x")
    place = place_of("s3://bucket//a/lake/")
    assert (str(place), place.name, str(place / "x/y=1")) == ("s3://bucket/a/lake", "lake", f"{place}/x/y=1")
    assert place_of(place) is place


@pytest.mark.parametrize(
    "address",
    ["gs://bucket/lake", "s3://bucket", "s3://", "s3://bucket/a/../b", "s3://bucket/a*", "http://x/y"],
)
def test_what_is_no_place_is_refused(address):
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        place_of(address)


def test_a_place_is_no_path_of_this_machine_and_holds_no_secret(place):
    with pytest.raises(TypeError):
        os.fspath(place)
    with pytest.raises(TypeError):
        Path(place)
    pickled = pickle.dumps(place)
    assert not [secret for secret in SECRETS if secret.encode() in pickled]
    assert pickle.loads(pickled) == place


def test_a_write_is_one_request_and_shows_nothing_before_its_end(place, monkeypatch):
    path = place / "phot" / "target=x" / "y.parquet"
    write_bytes(path, b"old")
    with requests(monkeypatch) as (asked, _):
        with replacing(path) as temporary:
            temporary.write_bytes(b"new, and longer")
            assert path.read_bytes() == b"old"
        assert asked["put_object"] == 1
    assert path.read_bytes() == b"new, and longer"
    assert not temporary.parent.exists()


def test_a_failed_write_leaves_the_old_object_and_nothing_else(place):
    path = place / "x.parquet"
    write_bytes(path, b"old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_bytes(b"new")
            raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        fail()
    assert path.read_bytes() == b"old"
    assert [listed.path for listed in place.parent.listing("lake")] == ["lake/x.parquet"]


def test_a_listing_is_never_an_old_one(place):
    import boto3

    write_bytes(place / "phot" / "a.parquet", b"1")
    assert [listed.path for listed in place.listing("phot")] == ["phot/a.parquet"]
    assert [path.name for path in (place / "phot").files()] == ["a.parquet"]
    # By another hand than this process's own, which knows what it has written itself.
    client = boto3.client("s3")
    client.put_object(Bucket=place.store.bucket, Key="some/lake/phot/b.parquet", Body=b"22")
    client.put_object(Bucket=place.store.bucket, Key="some/lake/phot/", Body=b"")
    found = {listed.path: listed.size for listed in place.listing("phot")}
    assert found == {"phot/a.parquet": 1, "phot/b.parquet": 2}
    assert sorted(path.name for path in (place / "phot").files("b")) == ["b.parquet"]
    client.delete_object(Bucket=place.store.bucket, Key="some/lake/phot/a.parquet")
    assert [listed.path for listed in place.listing("phot")] == ["phot/b.parquet"]


@pytest.mark.slow
def test_a_long_listing_is_whole_and_takes_a_request_a_thousand(place, monkeypatch):
    from cte_lake.lake.s3 import S3

    S3().pipe({f"{place.store.bucket}/{place.key}/phot/{number:04d}.parquet": b"" for number in range(1003)})
    with requests(monkeypatch) as (asked, _):
        assert len(list(place.listing("phot"))) == 1003
    assert asked == {"list_objects_v2": 2}


def test_renewing_gives_an_object_a_new_time_and_the_same_content(place):
    path = place / "x.parquet"
    write_bytes(path, b"content")
    before = path.head().mtime_ns
    # Times of objects are whole seconds.
    while path.head().mtime_ns == before:
        path.touch()
    assert path.read_bytes() == b"content"
    with pytest.raises(FileNotFoundError):
        (place / "none.parquet").touch()


def test_a_lake_is_made_once_and_not_over_other_things(place):
    with pytest.raises(LakeError, match="does not exist"):
        find_lake(str(place))
    assert create_lake(stored(place))
    assert not create_lake(stored(place))
    assert find_lake(None, {"CTE_LAKE_LAKE": str(place)}) == stored(place)
    write_bytes(place.parent / "other" / "something.txt", b"")
    with pytest.raises(LakeError, match="not empty and no lake"):
        create_lake(stored(place.parent / "other"))


def test_an_interrupted_making_is_made_again(place):
    create_lake(stored(place))
    (place / "cte_lake.toml").unlink()
    with pytest.raises(LakeError, match=r"has no cte_lake.toml"):
        find_lake(str(place))
    assert create_lake(stored(place))


def test_queries_answer_as_on_a_disk(filled, filled_store):
    with open_lake(filled, threads=1) as on_disk, open_lake(filled_store, threads=1) as in_bucket:
        for view in ("exposures", "phot", "pairs", "cte", "master"):
            wanted, found = (lake.sql(f"FROM {view} ORDER BY ALL").arrow() for lake in (on_disk, in_bucket))
            assert wanted.num_rows > 0
            assert found.equals(wanted), view


def test_a_filter_fetches_the_files_of_its_partition_alone(filled_store, monkeypatch):
    with open_lake(filled_store) as lake:
        with requests(monkeypatch) as (_, fetched):
            all_stars = lake.sql("SELECT sum(flux_r03) FROM phot").rows()
        # One may have been read when the views were made; DuckDB keeps it.
        assert len({key for key in fetched if "/phot/" in key}) >= 7
        with requests(monkeypatch) as (asked, fetched):
            some = lake.sql("SELECT sum(flux_r03) FROM phot WHERE flash = 12 AND filetype = 'flc'").rows()
    assert some != all_stars
    read = {key for key in fetched if "/phot/" in key and "seed" not in key}
    # The first file's footer tells the columns of all.
    others = {key for key in read if "flash=12/filetype=flc" not in key}
    assert len(others) <= 1
    assert asked["list_objects_v2"] <= 4
    assert asked["head_object"] == 0


def test_an_open_lake_sees_what_comes(place):
    create_lake(stored(place))
    lakes = Lakes()
    with open_lake(place) as lake:
        assert lake.sql("SELECT count(*) AS n FROM exposures").rows() == [{"n": 0}]
        lakes.fill(place)
        assert lake.sql("SELECT count(*) AS n FROM exposures").rows() == [{"n": 8}]
        assert lake.sql("SELECT count(DISTINCT imagename) AS n FROM phot").rows() == [{"n": 8}]


@pytest.mark.slow
def test_an_open_lake_goes_on_when_columns_are_added(place):
    create_lake(stored(place))
    Lakes().fill(place)
    phot = stored(place).dataset("phot")
    with open_lake(place) as lake:
        before = lake.sql("SELECT count(*) AS n, round(sum(flux_r03), 2) AS flux FROM phot").rows()
        schema = phot.seed
        grown = schema.append(pa.field("colour", pa.string())).with_metadata({"generation": "2"})
        write_table(phot.seed_place, grown.empty_table())
        assert lake.sql("SELECT count(*) AS n, round(sum(flux_r03), 2) AS flux FROM phot").rows() == before
    with open_lake(place) as lake:
        assert lake.sql("SELECT count(*) AS n, round(sum(flux_r03), 2) AS flux FROM phot").rows() == before


@pytest.mark.slow
def test_rows_that_were_read_once_are_kept_in_the_lake(place, monkeypatch):
    create_lake(stored(place))
    for visit in ("01", "02", "03", "04"):
        Lakes().fill(place, visit)
    first = exposure_rows(stored(place))
    with requests(monkeypatch) as (asked, fetched):
        again = exposure_rows(stored(place))
    assert again.num_rows == 32
    assert again.sort_by("file").equals(first.sort_by("file"))
    assert asked["get_object"] == 1, fetched


OUTSIDE = [
    "FROM read_csv('/etc/passwd')",
    "FROM read_text('/etc/hostname')",
    "FROM glob('/etc/*')",
    "FROM read_csv('{bucket}/here/secret.csv')",
    "FROM read_csv('{bucket}/here/lake-of-others/x.csv')",
    "FROM read_csv('{bucket}/here/lake/../secret.csv')",
    "FROM read_csv('{bucket}/here/lake/phot/../../secret.csv')",
    "FROM read_csv('{bucket}/here/*.csv')",
    "FROM glob('{bucket}/**')",
    "FROM read_csv('{next_bucket}/x.csv')",
    "FROM read_csv('S3://{name}/here/secret.csv')",
    "FROM read_csv('s3a://{name}/here/secret.csv')",
    "FROM read_csv('http://127.0.0.1:9/x.csv')",
    "FROM read_csv('https://127.0.0.1:9/x.csv')",
    "FROM read_csv('file:///etc/passwd')",
    "COPY (SELECT 1) TO '{bucket}/here/lake/phot/x.csv'",
    "COPY (SELECT 1) TO '{bucket}/here/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'",
    "ATTACH '{bucket}/here/lake/x.db'",
    "ATTACH '/tmp/x.db'",
    "SET enable_external_access = true",
    "INSTALL httpfs",
]


@pytest.fixture(scope="module")
def sealed(filled_store):
    with open_lake(filled_store) as lake:
        yield lake


@pytest.mark.parametrize("query", OUTSIDE)
def test_a_query_reaches_nothing_else(sealed, query):
    name = sealed.stored.place.store.bucket
    number = int(name.partition("-")[2])
    text = query.format(bucket=f"s3://{name}", name=name, next_bucket=f"s3://bucket-{number + 1}")
    with pytest.raises(UsageError, match=r"reaches outside the lake|is only read here") as refused:
        sealed.sql(text)
    assert "\n" not in str(refused.value)


def test_the_file_system_that_duckdb_sees_refuses_by_itself(filled_store):
    from cte_lake.lake.confined import LakeFiles

    files = LakeFiles(filled_store.store.at(filled_store.key))
    name = filled_store.store.bucket
    inside = files.glob(f"s3://{name}/here/lake/rejects/*.parquet")
    assert inside == [f"{name}/here/lake/rejects/seed.parquet"]
    for path in (
        f"s3://{name}/here/secret.csv", f"s3://{name}/here/lake", f"s3://{name}/here/lake/../secret.csv",
        f"s3://other/{name}/here/lake/x", "/etc/passwd", f"s3://{name}/here/lake-of-others/x.csv",
    ):  # fmt: skip
        for ask in (files.open, files.glob, files.info, files.ls):
            with pytest.raises(PermissionError, match="outside the lake"):
                ask(path)
        assert not files.exists(path)
    with pytest.raises(PermissionError, match="only read"):
        files.open(f"s3://{name}/here/lake/rejects/x.parquet", "wb")
    for change in (files.rm_file, files.touch):
        with pytest.raises((PermissionError, NotImplementedError)):
            change(f"s3://{name}/here/lake/rejects/seed.parquet")
    with pytest.raises((PermissionError, NotImplementedError)):
        files.mv(inside[0], f"{name}/here/lake/rejects/moved.parquet")
    assert files.glob(f"s3://{name}/here/lake/rejects/*.parquet") == inside


def one_line(done):
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.slow
def test_what_keeps_a_store_from_answering_is_told_in_a_sentence(object_store, bucket):
    there = {**CREDENTIALS, "AWS_ENDPOINT_URL": object_store}
    assert "there is no bucket nowhere-at-all" in one_line(cte_lake("init", "s3://nowhere-at-all/x", **there))
    nobody = {**there, "HOME": "/nonexistent"}
    del nobody["AWS_ACCESS_KEY_ID"], nobody["AWS_SECRET_ACCESS_KEY"]
    assert "needs credentials" in one_line(cte_lake("status", "--lake", f"s3://{bucket}/x", **nobody))


@pytest.mark.slow
def test_a_store_that_refuses_is_told(tmp_path):
    server, address = start_server(INITIAL_NO_AUTH_ACTION_COUNT="0")
    try:
        there = {**CREDENTIALS, "AWS_ENDPOINT_URL": address}
        told = one_line(cte_lake("status", "--lake", "s3://some-bucket/x", **there))
    finally:
        stop_server(server)
    assert "refuses access" in told
    assert not [secret for secret in SECRETS if secret in told]


def test_a_store_that_goes_away_is_told_and_a_write_says_that_nothing_is_lost(object_store, monkeypatch):
    import boto3

    from cte_lake.lake.s3 import S3

    server, address = start_server()
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3.clear_instance_cache()
    try:
        boto3.client("s3").create_bucket(Bucket="soon-gone")
        place = place_of("s3://soon-gone/lake")
        create_lake(stored(place))
        with open_lake(place) as lake:
            stop_server(server)
            with pytest.raises(StoreUnavailable, match=r"object store .*AWS_ENDPOINT_URL"):
                lake.sql("SELECT count(*) FROM phot")
        with pytest.raises(LakeError, match=r"x.parquet cannot be written: .* nothing is lost"):
            write_table(place / "x.parquet", pa.table({"a": [1]}))
    finally:
        stop_server(server)
        S3.clear_instance_cache()


def test_without_its_packages_a_store_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    for name in ("bucket", "s3"):
        monkeypatch.delitem(sys.modules, f"cte_lake.lake.{name}", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'cte-lake\[s3\]'"):
        place_of("s3://bucket/lake")


def test_a_lake_on_disk_imports_nothing_of_it(filled):
    code = (
        "import sys; from cte_lake import open_lake; open_lake(sys.argv[1]).sql('FROM exposures');"
        "print(sorted({'s3fs', 'fsspec', 'botocore', 'aiohttp'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, filled], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_lake_that_nobody_closes_ends_quietly(filled_store):
    code = "import sys; from cte_lake import open_lake; lake = open_lake(sys.argv[1]); lake.sql('FROM phot')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(filled_store)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_slopes_and_audits_are_kept_in_a_bucket_too(place):
    create_lake(stored(place))
    Lakes().fill(place)
    order = "ORDER BY pair_id, estimator, bin_lo, bin_hi"
    with open_lake(place) as opened:
        expected = opened.sql(f"FROM cte {order}").rows()
        assert expected
        opened.keep_slopes(3)
        run_audits(opened, 0.0)
    folders = {listed.path.split("/")[1] for listed in place.listing(CACHE, ".parquet")}
    assert folders >= {"slopes", "log_slopes", "audits"}
    with open_lake(place) as opened:
        assert opened.sql(f"FROM cte {order}").rows() == expected
        ((anew,),) = opened._connection.execute("SELECT count(*) FROM kept_slopes.anew").fetchall()
        assert anew == 0
