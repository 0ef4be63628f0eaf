"""A result in a volume: written, skipped, replaced and kept, in the sandbox's workspace and in any that is named."""

import hashlib
import json
import signal
import subprocess

import pyarrow.parquet as pq
import pytest

from conftest import wait_until

DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
ROWS = 1000


@pytest.fixture
def work(make_bridge, sandbox, databricks):
    """A program whose source is the sandbox and whose destination is a folder of a volume."""
    bridge = make_bridge({**sandbox.sqlserver, **databricks.settings})
    bridge.write("config/Land.yaml", "mark: old\n")
    bridge.write("queries/numbers.sql", f"WITH d AS ({DIGITS}) SELECT a.n + 10 * b.n + 100 * c.n AS id, N'{{mark}} é' AS mark FROM d AS a, d AS b, d AS c")
    bridge.place = databricks.new_folder()
    yield bridge
    databricks.remove(bridge.place)


def start(bridge, *options):
    return bridge.start("extract", "-q", "queries", "-c", "config", "--country", "Land", "-d", bridge.place, "--output", "json", *options,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def extract(bridge, *options, status=0):
    process = start(bridge, *options)
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    return json.loads(out)["rows"][0]


def result(databricks, bridge, tmp_path, attempt):
    """(the manifest, the mark of its rows), after a look at everything that lies in the folder."""
    copy = tmp_path / f"copy{attempt}"
    databricks.download(bridge.place, copy)
    folder = copy / "Land" / "numbers"
    manifest = json.loads((folder / "_manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "complete"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["_manifest.json", *(file["name"] for file in manifest["files"])])
    for file in manifest["files"]:
        assert file["sha256"] == hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
    rows = pq.read_table(folder).to_pylist()
    assert sorted(row["id"] for row in rows) == list(range(ROWS))
    [mark] = {row["mark"] for row in rows}
    return manifest, mark


def test_a_result_is_written_skipped_and_replaced(work, databricks, tmp_path):
    assert extract(work)[1:4] == ["completed", ROWS, 1]
    first, mark = result(databricks, work, tmp_path, 0)
    assert (len(first["files"]), mark) == (1, "old é")
    assert extract(work)[1:4] == ["skipped", ROWS, 1]
    assert result(databricks, work, tmp_path, 1)[0] == first
    work.write("config/Land.yaml", "mark: new\n")
    assert "use --overwrite to replace it" in extract(work, status=1)[6]
    assert result(databricks, work, tmp_path, 2)[0] == first
    assert extract(work, "--overwrite", "--chunk-size", "300")[1:4] == ["completed", ROWS, 4]
    parts, mark = result(databricks, work, tmp_path, 3)
    assert (len(parts["files"]), mark) == (4, "new é")
    assert extract(work, "--overwrite")[1:4] == ["completed", ROWS, 1]
    assert len(result(databricks, work, tmp_path, 4)[0]["files"]) == 1


def test_a_failed_query_leaves_no_folders(work, databricks):
    def folders(path):
        return [entry.name for entry in databricks.client().files.list_directory_contents(path)]

    place = work.place
    extract(work)
    work.write("queries/bad.sql", "SELECT 1/0 AS id")
    extract(work, "--query", "bad", status=1)
    assert folders(f"{place}/Land") == ["numbers"]
    work.place = f"{place}/new/folder"
    extract(work, "--query", "bad", status=1)
    work.place = place
    assert folders(place) == ["Land"]


def test_the_workspace_reads_the_result(work):
    extract(work)
    sql = f"SELECT count(*), min(id), max(id), max(mark) FROM parquet.`{work.place}/Land/numbers/numbers.parquet`"
    assert work.sql("databricks", sql).json()["rows"] == [[ROWS, 0, ROWS - 1, "old é"]]


def test_what_is_cancelled_between_two_uploads_leaves_the_earlier_result(work, databricks, tmp_path):
    extract(work)
    first, _ = result(databricks, work, tmp_path, 0)
    work.write("config/Land.yaml", "mark: new\n")
    # A hundred and more parts: at the first one that is there the run is far from its end.
    many = (work.folder / "queries/numbers.sql").read_text().replace("d AS c", "d AS c, d AS e, d AS f, d AS g, d AS h")
    work.write("queries/numbers.sql", many)
    process = start(work, "--overwrite", "--chunk-size", "50000")
    wait_until(lambda: any(name.startswith("part_") for name in databricks.files(f"{work.place}/Land/numbers")), what="an uploaded part")
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and "numbers: cancelled" in err, err
    assert result(databricks, work, tmp_path, 1)[0] == first


def test_the_sandbox_refuses_what_spark_does_not_read(make_bridge):
    bridge = make_bridge({})
    bridge.write("config/Land.yaml", "")
    bridge.write("queries/times.sql", "SELECT CAST('10:11:12' AS time) AS t")
    common = ["-q", "queries", "-c", "config", "--country", "Land", "-d", "/Volumes/main/default/landing"]
    bridge.run("extract", *common, "--time-as-time", check=True)
    read = bridge.sql("databricks", "SELECT * FROM parquet.`/Volumes/main/default/landing/Land/times`", check=False)
    assert read.status == 1 and "[UNSUPPORTED_FEATURE]" in read.err and "TIME column `t`" in read.err
    bridge.run("extract", *common, "--overwrite", check=True)
    assert bridge.sql("databricks", "SELECT t FROM parquet.`/Volumes/main/default/landing/Land/times`").json()["rows"] == [["10:11:12.0000000"]]
