"""hierarchyid, geometry and geography from the bytes of a SQL Server to a Parquet file that pyarrow reads. The sandbox has no such
types: a proxy before it answers the queries of this test with the captures of tests/golden/tds, whose make.py names the origin of
each value ([MS-SSCLRT] and others' tests)."""

import importlib.util
import math
import pathlib
import re
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from tds_proxy import Proxy

GOLDEN = ROOT / "tests" / "golden" / "tds"
BATCH = 1


def load_make():
    spec = importlib.util.spec_from_file_location("make_golden_tds", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = load_make()


class Replay(Proxy):
    """Answers a batch that says "golden:NAME" with that capture; all else is the server's."""

    def _requests(self, client, server):
        try:
            while True:
                packet = self._packet(client)
                named = re.search("golden:([a-z_]+)", packet[8:].decode("utf-16-le", "ignore")) if packet[0] == BATCH else None
                if named:
                    client.sendall((GOLDEN / f"{named[1]}.bin").read_bytes())
                else:
                    server.sendall(packet)
        except OSError:
            pass
        self._close(client, server)


@pytest.fixture
def extract(sandbox, make_bridge):
    """extract(capture, …) is the table that stands in the file."""
    proxy = Replay("127.0.0.1", sandbox.info["sqlserver"]["port"])
    bridge = make_bridge({**sandbox.sqlserver, "SQLSERVER_PORT": str(proxy.port)})
    bridge.write("config/common_params.yaml", "a: b\n")
    bridge.write("config/Northland.yaml", "database: master\n")

    def run(capture, *options):
        bridge.write("queries/q.sql", f"SELECT x FROM dbo.t /* golden:{capture} */")
        result = bridge.run(
            "extract", "-q", "queries", "-c", "config", "--country", "Northland", "-d", "out", "--overwrite", *options
        )
        assert result.status == 0, result
        (file,) = pathlib.Path(bridge.folder / "out").rglob("*.parquet")
        return pq.read_table(file)

    yield run
    proxy.stop()


def point(*ordinates):
    """Well-known binary of a point, OGC 06-103r4 8.2.5; Z and M as ISO 13249-3 numbers them."""
    return b"\x01" + struct.pack(f"<I{len(ordinates)}d", {2: 1, 3: 1001, 4: 3001}[len(ordinates)], *ordinates)


def raw(values):
    return [bytes.fromhex(value) for value in values] + [None]


def test_without_the_option_the_bytes_stay_as_they_are(extract):
    for capture, name, values in [
        ("types_hierarchyid", "h", MAKE.HIERARCHIES),
        ("types_geometry", "g", MAKE.SHAPES.values()),
    ]:
        table = extract(capture)
        assert table.schema.names == [name] and table.schema.field(name).type == pa.binary()
        assert table.column(name).to_pylist() == raw(values)
    assert extract("types_geography").column("g").to_pylist() == [bytes.fromhex("E6100000010C0000000000000040000000000000F03F")]


def test_a_hierarchyid_is_a_path(extract):
    column = extract("types_hierarchyid", "--decode-clr").column("h")
    assert column.type == pa.string()
    paths = column.to_pylist()
    assert paths[:3] == ["/", "/1/", "/1/-2.18/"] and paths[-1] is None and len(paths) == len(MAKE.HIERARCHIES) + 1


def test_a_geometry_is_well_known_binary_with_its_srid(extract):
    table = extract("types_geometry", "--decode-clr")
    assert table.schema.names == ["g", "g_srid"]
    assert [field.type for field in table.schema] == [pa.binary(), pa.int32()]
    found = dict(zip(MAKE.SHAPES, zip(*(column.to_pylist() for column in table.columns))))
    assert found["POINT (1 2)"] == (point(1, 2), 0)
    assert found["POINT ZM (1 2 3 4)"] == (point(1, 2, 3, 4), 0)
    empty, srid = found["POINT EMPTY"]
    assert srid == 0 and empty[:5] == point(0, 0)[:5] and all(map(math.isnan, struct.unpack("<2d", empty[5:])))
    assert found["LINESTRING EMPTY"] == (b"\x01" + struct.pack("<II", 2, 0), 0)
    assert found["LINESTRING (0 0, 0 1, 0 2)"] == (b"\x01" + struct.pack("<II6d", 2, 3, 0, 0, 0, 1, 0, 2), 0)
    assert found["MULTIPOINT (0 0)"] == (b"\x01" + struct.pack("<II", 4, 1) + point(0, 0), 0)
    assert found["NULL"] == (None, None), "a NULL inside the value"
    assert [column[-1].as_py() for column in table.columns] == [None, None], "a NULL of the row"


def test_a_geography_has_its_longitude_first(extract):
    table = extract("types_geography", "--decode-clr")
    assert table.column("g").to_pylist() == [point(1, 2)], "stored as latitude 2, longitude 1"
    assert table.column("g_srid").to_pylist() == [4326]


def test_they_stand_among_other_columns(extract):
    """Second columns of other types beside it; rows with and without values."""
    table = extract("types_second_columns", "--decode-clr", "--offset-column", "--base-type-column")
    names = table.schema.names
    assert names[names.index("g") + 1] == "g_srid"
    assert table.column("g").to_pylist() == [point(1, 2), None, None, point(1, 2)]
    assert table.column("g_srid").to_pylist() == [0, None, None, 0]
    plain = extract("types_second_columns")
    assert plain.column("g").to_pylist()[0] == bytes.fromhex(MAKE.SHAPES["POINT (1 2)"]) and plain.num_rows == 4
