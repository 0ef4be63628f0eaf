#!/usr/bin/env python3
"""Makes captures of the specification's examples (spec.txt), of what other clients wrote or read (clients.txt), and of the rules of MS-TDS 2.2
(made_*); and the broken ones (../../golden_bad/tds)."""
import collections
import struct
from pathlib import Path

GOOD = Path(__file__).parent
BAD = GOOD.parent.parent / "golden_bad" / "tds"
LATIN1 = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
UTF8 = bytes.fromhex("0904d02400")  # Latin1_General_100_CI_AS_SC_UTF8
INT = b"\x38"
UNKNOWN = 0xFFFFFFFFFFFFFFFE


def packet(payload, kind=4, last=1):
    return bytes([kind, last]) + struct.pack(">HHBB", len(payload) + 8, 0, 1, 0) + payload


def utf16(text):
    return text.encode("utf-16-le")


def b_varchar(text):
    return bytes([len(utf16(text)) // 2]) + utf16(text)


def us_varchar(text):
    return struct.pack("<H", len(utf16(text)) // 2) + utf16(text)


def done(status=0x10, command=0xC1, rows=1, token=0xFD):
    return bytes([token]) + struct.pack("<HHQ", status, command, rows)


def metadata(*columns):
    """Columns: name, flags, TYPE_INFO and perhaps the user type."""
    out = b"\x81" + struct.pack("<H", len(columns))
    for name, flags, info, *user_type in columns:
        out += struct.pack("<IH", user_type[0] if user_type else 0, flags) + info + b_varchar(name)
    return out


def plp(total, *chunks):
    return struct.pack("<Q", total) + b"".join(struct.pack("<I", len(c)) + c for c in chunks) + struct.pack("<I", 0)


def token16(token, body):
    return bytes([token]) + struct.pack("<H", len(body)) + body


def env(kind, new, old=""):
    return token16(0xE3, bytes([kind]) + b_varchar(new) + b_varchar(old))


def error(number, severity, message):
    return token16(0xAA, struct.pack("<iBB", number, 1, severity) + us_varchar(message) + b_varchar("srv") + b_varchar("") + struct.pack("<i", 1))


def clients():
    """What stands in clients.txt: name → its bytes, in order."""
    found = collections.defaultdict(list)
    for line in (GOOD / "clients.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, octets = line.split()
            found[name].append(bytes.fromhex(octets))
    return found


CLIENTS = clients()


def rows_of(values):
    return b"".join(b"\xd1" + value for value in values)


def write(folder, name, *payloads, split=None):
    out = b""
    for payload in payloads:
        pieces = [payload[i : i + split] for i in range(0, len(payload), split)] if split else [payload]
        out += b"".join(packet(p, last=int(p is pieces[-1])) for p in pieces)
    (folder / f"{name}.bin").write_bytes(out)


def good():
    others()
    types()
    xml = b"\xf1\x01" + b_varchar("db") + b_varchar("dbo") + us_varchar("coll")
    text = b"\xff\xfe" + utf16("<a/>")
    write(GOOD, "made_xml_schema_and_mark", metadata(("x", 9, xml)) + b"\xd1" + plp(UNKNOWN, text[:3], text[3:]) + done())
    write(GOOD, "made_rowversion_hidden_null", metadata(("v", 8, b"\xad\x08\0", 0x50), ("n", 1, b"\x1f")) + b"\xd1" + b"\x08\0" + bytes(range(8)) + done())
    fixed = [b"\x30", b"\x34", b"\x38", b"\x7f", b"\x32", b"\x3b", b"\x3e", b"\x7a", b"\x3c", b"\x3a", b"\x3d"]
    values = b"\xc8" + struct.pack("<hiq", -2, -3, -4) + b"\x01" + struct.pack("<fd", 0.5, -0.25) + struct.pack("<i", -15000) + struct.pack("<iI", -1, 0xFFFFFFFF)
    values += struct.pack("<HH", 43829, 1439) + struct.pack("<iI", -1, 25919999)
    write(GOOD, "made_fixed_types", metadata(*[("abcdefghijk"[i], 8, t) for i, t in enumerate(fixed)]) + b"\xd1" + values + done())
    legacy = metadata(("a", 9, b"\x2f\x03"), ("b", 9, b"\x27\x05"), ("c", 9, b"\x2d\x02"), ("d", 9, b"\x25\x05"), ("e", 9, b"\x37\x05\x05\x02"), ("f", 9, b"\x3f\x11\x26\0"))
    row = b"\x03abc" + b"\x02\xe9\x80" + b"\x02\x01\x02" + b"\0" + b"\x05\0" + struct.pack("<I", 12345) + b"\x11\x01" + struct.pack("<QQ", 1, 0)
    write(GOOD, "made_legacy_lengths", legacy + b"\xd1" + row + b"\xd1" + bytes(6) + done(rows=2))
    write(GOOD, "made_datetime_ticks", metadata(*[(f"t{i}", 8, b"\x3d") for i in range(6)]) + b"\xd1" + b"".join(struct.pack("<iI", 0, t) for t in (0, 1, 2, 3, 4, 299)) + done())
    size = lambda scale: 3 if scale < 3 else 4 if scale < 5 else 5
    last = b"".join(bytes([size(s)]) + (86400 * 10**s - 1).to_bytes(size(s), "little") for s in range(8))
    write(GOOD, "made_time_scales", metadata(*[(f"s{s}", 9, b"\x29" + bytes([s])) for s in range(8)]) + b"\xd1" + last + b"\xd1" + b"\0" * 8 + done(rows=2))
    day = (737424).to_bytes(3, "little")
    row = b"\x08" + (1).to_bytes(5, "little") + day + b"\x0a" + (10).to_bytes(5, "little") + day + struct.pack("<h", -840)
    write(GOOD, "made_datetime2_loss", metadata(("d", 9, b"\x2a\x07"), ("o", 9, b"\x2b\x07")) + b"\xd1" + row + b"\xd1\0\0" + done(rows=2))
    lcid = lambda number, sort_id=0: struct.pack("<I", number) + bytes([sort_id])
    columns = [("cyrillic", b"\x0a\0" + lcid(0x0419)), ("japanese", b"\x0a\0" + lcid(0x0411)), ("utf8", b"\x0a\0" + UTF8), ("cp437", b"\x0a\0" + lcid(0x0409, 30)), ("max", b"\xff\xff" + lcid(0x0411))]
    japanese = "日本".encode("cp932")
    row = b"\x03\0" + "Дом".encode("cp1251") + b"\x04\0" + japanese + b"\x05\0" + "é日".encode() + b"\x01\0\x82" + plp(4, japanese[:1], japanese[1:])
    write(GOOD, "made_collations", metadata(*[(n, 9, b"\xa7" + i) for n, i in columns]) + b"\xd1" + row + done())
    ints = b"".join(b"\x04" + struct.pack("<i", i) for i in range(1, 9))
    write(GOOD, "made_nbcrow", metadata(*[(f"c{i}", 9, b"\x26\x04") for i in range(10)]) + b"\xd2\x01\x02" + ints + b"\xd2\xff\x03\xd1" + b"\0" * 10 + done(rows=3))
    single = [bytes([b]) for b in utf16("a😀é日")]
    write(GOOD, "made_plp_single_bytes", metadata(("s", 9, b"\xe7\xff\xff" + LATIN1)) + b"\xd1" + plp(len(single), *single) + b"\xd1" + plp(0) + done(rows=2), split=5)
    # A packet of 65,535 bytes: a NULL (0xFFFF) with as many bytes behind it must not look like a text.
    columns = metadata(("a", 9, b"\xa7\x40\x1f" + LATIN1), ("b", 9, b"\xa7\x40\x1f" + LATIN1))
    wide = b"".join(b"\xd1" + struct.pack("<H", 8000) + bytes([97 + i]) * 8000 + b"\xff\xff" for i in range(9))
    write(GOOD, "made_null_before_64k", columns + b"\xd1\x01\0x\xff\xff" * 40 + wide + done(rows=49), split=65527)
    tokens = token16(0xE3, b"\x0c\x08" + bytes(8)) + b"\x79" + struct.pack("<i", -6) + b"\xe4" + struct.pack("<II", 7, 1) + b"\x01\0\0" + metadata(("a", 0, INT))
    tokens += token16(0xA4, b"\x01\x01\0t") + token16(0xA5, b"\x01\x01\x04") + token16(0xA9, b"\x01\0") + b"\xd1" + struct.pack("<i", 5) + done(0x11, token=0xFF)
    tokens += b"\xac\0\0" + b_varchar("@o") + b"\x01" + struct.pack("<IH", 0, 0) + b"\x26\x04\x04" + struct.pack("<i", 9)
    tokens += b"\xac\x01\0" + b_varchar("@m") + b"\x01" + struct.pack("<IH", 0, 0) + b"\xe7\xff\xff" + LATIN1 + plp(2, utf16("x")) + done(0, 0xE0, 0, 0xFE)
    write(GOOD, "made_tokens", tokens)
    # The ORDER of two columns that the tests of tedious read (test/unit/token/order-token-parser-test.ts).
    order = bytes.fromhex("a9040003000400")
    four = metadata(*((name, 0, INT) for name in "abcd"))
    write(GOOD, "tedious_order", four + order + b"\xd1" + struct.pack("<4i", 1, 2, 3, 4) + done())
    three = b"".join(metadata((name, 0, INT)) + b"\xd1" + struct.pack("<i", i) + done(0x11) for i, name in enumerate("abc"))
    write(GOOD, "made_error_before_further_results", metadata(("z", 0, INT)) + done(0x11, rows=0) + three + error(50000, 16, "late") + three + done(2, rows=0))


# The assembly's name of which jdbc_clr_type shows the begin, to the length that stands there.
ASSEMBLY_END = "ServerClrTypesOfTests, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null"


def others():
    """Tokens and types as other clients wrote or read them, each between what makes a whole answer of it."""
    (json_type,), (jdbc,), (xml,) = CLIENTS["mssqltds_json_type"], CLIENTS["jdbc_clr_type"], CLIENTS["rust_xml_type"]
    write(GOOD, "mssqltds_json", metadata(("j", 1, json_type)) + rows_of(CLIENTS["mssqltds_json"]) + done(rows=3))
    clr_type = jdbc + utf16(ASSEMBLY_END)
    values = CLIENTS["mssqltds_clr"]
    write(GOOD, "jdbc_clr_type", metadata(("c", 9, clr_type)) + rows_of(values) + done(rows=len(values)))
    output = b"\xac\0\0" + b_varchar("@c") + b"\x01" + struct.pack("<IH", 0, 9) + clr_type + values[0]
    write(GOOD, "jdbc_clr_output", b"\x79\0\0\0\0" + output + done(0, 0xE0, 0, 0xFE))
    write(GOOD, "rust_xml_schema", metadata(("x", 9, xml)) + rows_of(CLIENTS["mssqltds_xml"]) + done(rows=2))
    write(GOOD, "go_fixed", CLIENTS["go_fixed"][0] + done(rows=2))
    write(GOOD, "go_legacy", CLIENTS["go_legacy"][0] + done(rows=2))


def bad_others():
    number = metadata(("a", 0, INT))
    (json_type,), (jdbc,), (json_null,) = CLIENTS["mssqltds_json_type"], CLIENTS["jdbc_clr_type"], CLIENTS["jdbc_json_null"]
    document = CLIENTS["mssqltds_json"][0]
    value = CLIENTS["mssqltds_clr"][0]
    column = metadata(("j", 1, json_type))
    cases = {
        "json_utf16": column + rows_of(CLIENTS["mssqltds_json_utf16"]) + done(),
        "json_with_length": metadata(("j", 1, json_null[:3])) + rows_of([json_null[3:]]) + done(),
        "json_less_than_announced": column + rows_of([struct.pack("<Q", 20) + document[8:]]) + done(),
        "json_chunk_behind_end": column + rows_of([document[:8] + struct.pack("<I", 200) + document[12:]]) + done(),
        "clr_assembly_behind_end": metadata(("c", 9, jdbc)) + rows_of([value]) + done(),
        "clr_more_than_announced": metadata(("c", 9, jdbc + utf16(ASSEMBLY_END))) + rows_of([struct.pack("<Q", 7) + value[8:]]) + done(),
        # COMPUTE, which servers before 2012 knew.
        "compute_metadata": number + CLIENTS["rust_compute"][0] + done(),
        "compute_row": number + b"\xd1" + bytes(4) + CLIENTS["rust_compute_rows"][0] + done(),
        # Sensitivity labels come only where the client asked for them.
        "data_classification": metadata(*((name, 0, INT) for name in "abc")) + CLIENTS["mssqltds_classification"][0] + done(),
    }
    for name, payload in cases.items():
        write(BAD, name, payload)


# As SQL Server stores them; the examples of [MS-SSCLRT] and NetTopologySuite's tests (BSD-3-Clause) hold the same bytes.
SHAPES = {
    "POINT EMPTY": "000000000104000000000000000001000000FFFFFFFFFFFFFFFF01",
    "POINT (1 2)": "00000000010C000000000000F03F0000000000000040",
    "POINT ZM (1 2 3 4)": "00000000010F000000000000F03F000000000000004000000000000008400000000000001040",
    "LINESTRING EMPTY": "000000000104000000000000000001000000FFFFFFFFFFFFFFFF02",
    "LINESTRING Z (0 0 1, 0 1 2)": "000000000115000000000000000000000000000000000000000000000000000000000000F03F000000000000F03F0000000000000040",
    "LINESTRING (0 0, 0 1, 0 2)": "00000000010403000000000000000000000000000000000000000000000000000000000000000000F03F0000000000000000000000000000004001000000010000000001000000FFFFFFFF0000000002",
    "POLYGON EMPTY": "000000000104000000000000000001000000FFFFFFFFFFFFFFFF03",
    "POLYGON ((0 0, 0 3, 3 3, 3 0, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))": "0000000001040A0000000000000000000000000000000000000000000000000000000000000000000840000000000000084000000000000008400000000000000840000000000000000000000000000000000000000000000000000000000000F03F000000000000F03F000000000000F03F0000000000000040000000000000004000000000000000400000000000000040000000000000F03F000000000000F03F000000000000F03F020000000200000000000500000001000000FFFFFFFF0000000003",
    "GEOMETRYCOLLECTION EMPTY": "000000000104000000000000000001000000FFFFFFFFFFFFFFFF07",
    "GEOMETRYCOLLECTION (POINT (0 0), GEOMETRYCOLLECTION (POINT (0 1)))": "00000000010402000000000000000000000000000000000000000000000000000000000000000000F03F020000000100000000010100000004000000FFFFFFFF0000000007000000000000000001000000000100000007020000000100000001",
    "MULTIPOINT (0 0)": "000000000104010000000000000000000000000000000000000001000000010000000002000000FFFFFFFF0000000004000000000000000001",
    "MULTILINESTRING ((0 0, 0 1))": "00000000010402000000000000000000000000000000000000000000000000000000000000000000F03F01000000010000000002000000FFFFFFFF0000000005000000000000000002",
    "MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)))": "00000000010404000000000000000000000000000000000000000000000000000000000000000000F03F000000000000F03F000000000000F03F0000000000000000000000000000000001000000020000000002000000FFFFFFFF0000000006000000000000000003",
    "CIRCULARSTRING (0 0, 1 1, 2 0)": "0000000002040300000000000000000000000000000000000000000000000000F03F000000000000F03F0000000000000040000000000000000001000000020000000001000000FFFFFFFF0000000008",
    "COMPOUNDCURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0))": "0000000002040400000000000000000000000000000000000000000000000000F03F00000000000000000000000000000040000000000000F03F0000000000000840000000000000000001000000030000000001000000FFFFFFFF0000000009020000000203",
    "CURVEPOLYGON (CIRCULARSTRING (2 1, 1 2, 0 1, 1 0, 2 1))": "000000000204050000000000000000000040000000000000F03F000000000000F03F00000000000000400000000000000000000000000000F03F000000000000F03F00000000000000000000000000000040000000000000F03F01000000020000000001000000FFFFFFFF000000000A",
    "FULLGLOBE": "E61000000224000000000000000001000000FFFFFFFFFFFFFFFF0B",
    "NULL": "FFFFFFFF",
}
# "/1/" and "/1/-2.18/" are the specification's; the last is of dotMorten's tests (Apache-2.0).
HIERARCHIES = ["", "58", "59FB0540", "FE61634711D0212FCF9037E3C09910FA9B70B963FFE4C2ECD40B6639F9BA4617E331321F5C7CD0405FF301C01CDA1AE63FD1454C39F00ED3EB34B058D980"]


def clr(name):
    """hierarchyid as rust-mssql-driver's tests read it; the others as Babelfish 4.4.0 describes them (tdsresponse.c, tds_int.h)."""
    if name == "hierarchyid":
        return CLIENTS["rust_clr_type"][0]
    assembly = f"Microsoft.SqlServer.Types.Sql{name.capitalize()}, Microsoft.SqlServer.Types"
    return b"\xf0\xff\xff" + b_varchar("db") + b_varchar("sys") + b_varchar(name) + us_varchar(assembly)


def cells(hexes):
    return b"".join(b"\xd1" + plp(len(bytes.fromhex(h)), *([bytes.fromhex(h)] if h else [])) for h in hexes)


def types():
    """What is read with other forms of types and second columns."""
    write(GOOD, "types_hierarchyid", metadata(("h", 9, clr("hierarchyid"))) + cells(HIERARCHIES) + b"\xd1" + b"\xff" * 8 + done(rows=len(HIERARCHIES) + 1))
    write(GOOD, "types_geometry", metadata(("g", 9, clr("geometry"))) + cells(SHAPES.values()) + b"\xd1" + b"\xff" * 8 + done(rows=len(SHAPES) + 1))
    write(GOOD, "types_geography", metadata(("g", 9, clr("geography"))) + cells(["E6100000010C0000000000000040000000000000F03F"]) + done())
    day = (737424).to_bytes(3, "little")
    moment = b"\x0a" + (10).to_bytes(5, "little") + day + struct.pack("<h", -330)
    number = struct.pack("<I", 6) + b"\x38\0" + struct.pack("<i", -7)
    word = struct.pack("<I", 13) + b"\xe7\x07" + LATIN1 + struct.pack("<H", 8000) + utf16("xy")
    columns = metadata(("o", 9, b"\x2b\x07"), ("i", 8, INT), ("v", 9, b"\x62" + struct.pack("<I", 8009)), ("d", 9, b"\x2a\0"), ("t", 9, b"\x29\x07"), ("g", 9, clr("geometry")))
    rest = b"\x06" + (1).to_bytes(3, "little") + day + b"\x05" + (19).to_bytes(5, "little")
    point = bytes.fromhex(SHAPES["POINT (1 2)"])
    rows = b"\xd1" + moment + struct.pack("<i", 1) + number + rest + plp(len(point), point)
    rows += b"\xd1\0" + struct.pack("<i", 2) + word + b"\0\0" + b"\xff" * 8
    rows += b"\xd2\x3d" + struct.pack("<i", 3)
    rows += b"\xd1" + moment + struct.pack("<i", 4) + bytes(4) + rest + plp(len(point), point)
    write(GOOD, "types_second_columns", columns + rows + done(rows=4))


def bad_types():
    one = lambda name, h: metadata(("a", 9, clr(name))) + cells([h]) + done()
    point = "000000000104" + "01000000" + "00" * 16 + "01000000" + "0100000000"
    cases = {
        "hierarchyid_dot_at_end": one("hierarchyid", "50"),
        "hierarchyid_no_number": one("hierarchyid", "03"),
        "geometry_version_3": one("geometry", "00000000030C" + "00" * 16),
        "geometry_cut": one("geometry", SHAPES["POINT (1 2)"][:-2]),
        "geometry_too_long": one("geometry", SHAPES["POINT (1 2)"] + "00"),
        "geometry_no_shape": one("geometry", point + "00000000"),
        "geometry_child_of_itself": one("geometry", point + "02000000" + "FFFFFFFF0000000007" + "010000000000000001"),
        "geometry_child_of_point": one("geometry", point + "02000000" + "FFFFFFFF0000000001" + "000000000000000001"),
        "geometry_two_roots": one("geometry", point + "02000000" + "FFFFFFFF0000000001" + "FFFFFFFF0000000001"),
        "geometry_figure_behind_end": one("geometry", point + "01000000" + "FFFFFFFF0200000001"),
        "geometry_points_behind_end": one("geometry", point.replace("0100000000", "0102000000") + "01000000" + "FFFFFFFF0000000001"),
        "geometry_type_12": one("geometry", point + "01000000" + "FFFFFFFF000000000C"),
        "geometry_segments_missing": one("geometry", SHAPES["COMPOUNDCURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0))"][:-12] + "0100000002"),
        "geometry_many_points": one("geometry", "000000000104FFFFFFFF" + "00" * 16),
    }
    for name, payload in cases.items():
        write(BAD, "types_" + name, payload)


def bad():
    bad_types()
    bad_others()
    one = lambda info, value, flags=9: metadata(("a", flags, info)) + b"\xd1" + value + done()
    number = metadata(("a", 0, INT))
    only = lambda info, flags=9: metadata(("a", flags, info)) + done()
    variant = b"\x62" + struct.pack("<I", 8009)
    cases = {
        "row_without_columns": b"\xd1\x01\0\0\0" + done(),
        "unknown_token": b"\x42\0" + done(),
        "unknown_type": only(b"\x99", 0),
        "table_valued": only(b"\xf3\0\0\0", 0),
        "int_of_three_bytes": only(b"\x26\x03"),
        "int_value_too_long": one(b"\x26\x04", b"\x08" + bytes(8)),
        "guid_of_15": one(b"\x24\x10", b"\x0f" + bytes(15)),
        "decimal_precision_39": only(b"\x6a\x11\x27\0"),
        "decimal_scale_over_precision": only(b"\x6a\x11\x05\x06"),
        "decimal_too_many_digits": one(b"\x6a\x05\x05\x02", b"\x05\x01" + struct.pack("<I", 100000)),
        "decimal_length_6": one(b"\x6a\x05\x05\x02", b"\x06\x01" + bytes(5)),
        "time_scale_8": only(b"\x29\x08"),
        "time_of_24_hours": one(b"\x29\0", b"\x03" + (86400).to_bytes(3, "little")),
        "date_after_9999": one(b"\x28", b"\x03\xff\xff\xff"),
        "datetime_ticks": one(b"\x6f\x08", b"\x08" + struct.pack("<iI", 0, 25920000)),
        "smalldatetime_minutes": one(b"\x6f\x04", b"\x04" + struct.pack("<HH", 0, 1440)),
        "offset_of_15_hours": one(b"\x2b\0", b"\x08" + bytes(6) + struct.pack("<h", 900)),
        "odd_nvarchar": one(b"\xe7\x08\0" + LATIN1, b"\x03\0a\0b"),
        "plp_more_than_announced": one(b"\xa5\xff\xff", plp(3, b"abcd")),
        "plp_less_than_announced": one(b"\xa5\xff\xff", plp(5, b"abcd")),
        "plp_half_character": one(b"\xe7\xff\xff" + LATIN1, plp(3, b"a\0b")),
        "message_longer_than_token": token16(0xAA, struct.pack("<iBBH", 1, 1, 16, 500) + b"abcd") + done(),
        "encrypted_column": only(INT, 0x0800),
        "too_many_columns": b"\x81" + struct.pack("<H", 5000) + done(),
        "xml_schema_2": only(b"\xf1\x02"),
        "variant_malformed": one(variant, struct.pack("<I", 3) + b"\x38\0\x01"),
        "variant_properties_over_end": one(variant, struct.pack("<I", 3) + b"\xa7\x07\x01"),
        "result_inside_rows": number + b"\xd1" + bytes(4) + number + done(),
        "packet_size_11": env(4, "11") + done(0),
        "descriptor_of_4_bytes": token16(0xE3, b"\x08\x04" + bytes(5)) + done(0),
        "done_error_without_message": done(2, 0xC1, 0),
        "null_in_not_null": one(b"\xe7\x08\0" + LATIN1, b"\xff\xff", 0),
        "unasked_feature_42": b"\xae\x2a" + struct.pack("<I", 1) + b"\0\xff" + done(0),
        "unasked_feature": b"\xae\x04" + struct.pack("<I", 1) + b"\0\xff" + done(0),
        "message_ends_in_row": number + b"\xd1\x01",
        "invalid_surrogate": metadata(("ok", 9, b"\x26\x04"), ("s", 9, b"\xe7\x08\0" + LATIN1)) + b"\xd1\0\x02\0a\0" + b"\xd1\0\x04\0a\0\0\xd8" + done(rows=2),
    }
    for name, payload in cases.items():
        write(BAD, name, payload)
    (BAD / "packet_of_7.bin").write_bytes(bytes.fromhex("0401000700000100") + done(0))
    (BAD / "wrong_packet_type.bin").write_bytes(packet(done(0), kind=0x12))
    (BAD / "type_changes_in_message.bin").write_bytes(packet(number, last=0) + packet(b"\xd1\0\0\0\0" + done(), kind=0x12))


# An answer to PRELOGIN: before those to LOGIN7.
PRELOGIN = bytes.fromhex("00001a00060100200001020021000103002200000400220001ff0c0007d00000020000")
# Examples that acknowledge features which this client does not ask for: refused, as 2.2.7.11 wants it.
REFUSED = ("login_spec_federated", "login_spec_session_recovery", "login_spec_azure")


def specification():
    for line in (GOOD / "spec.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, _, octets = line.split()
            before = packet(PRELOGIN) if name.startswith("login_") else b""
            folder = BAD if name in REFUSED else GOOD
            (folder / f"{name}.bin").write_bytes(before + bytes.fromhex(octets))


def logins():
    prelogin = PRELOGIN
    ack = token16(0xAD, b"\x01" + struct.pack(">I", 0x74000004) + b_varchar("Microsoft SQL Server") + bytes([16, 0, 0x10, 0x27]))
    collation = token16(0xE3, b"\x07\x05" + LATIN1 + b"\0")
    features = b"\xae\x0a" + struct.pack("<I", 1) + b"\x01\x0d" + struct.pack("<I", 1) + b"\x01\xff"
    write(GOOD, "login_made", prelogin, env(1, "sales", "master") + collation + env(2, "us_english") + ack + env(4, "8000", "4096") + features + done(0, 0, 0))
    refused = error(18456, 14, "Login failed for user 'x'.") + done(2, 0, 0)
    redirect = lambda port, server: token16(0xE3, b"\x14" + token16(0, b"\0" + struct.pack("<H", port) + server)[1:] + b"\0\0")
    write(BAD, "login_no_ack", prelogin, env(1, "sales") + done(0, 0, 0))
    write(BAD, "login_option_outside", bytes.fromhex("0000ff0006ff"), ack + done(0, 0, 0))
    write(BAD, "login_no_terminator", bytes.fromhex("00000b00060100"), ack + done(0, 0, 0))
    write(BAD, "login_rows", prelogin, ack + metadata(("a", 0, INT)) + b"\xd1\0\0\0\0" + done())
    write(BAD, "login_refused", prelogin, refused)
    write(BAD, "login_no_database", prelogin, error(4060, 11, 'Cannot open database "x" requested by the login. The login failed.') + refused)
    write(GOOD, "login_tedious_features", prelogin, collation + ack + CLIENTS["tedious_features"][0] + done(0, 0, 0))
    # A server that acknowledges what was not asked for, goes on with integrated login, or names where to get a token.
    write(BAD, "login_r2dbc", prelogin, CLIENTS["r2dbc_login"][0])
    write(BAD, "login_sspi", prelogin, CLIENTS["tedious_sspi"][0] + done(0, 0, 0))
    write(BAD, "login_federated_info", prelogin, CLIENTS["tedious_federated_info"][0])
    write(BAD, "login_redirect", prelogin, ack + redirect(1444, us_varchar("other\\inst")) + done(0, 0, 0))
    write(BAD, "login_redirect_port_0", prelogin, ack + redirect(0, us_varchar("")) + done(0, 0, 0))


if __name__ == "__main__":
    specification()
    good()
    bad()
    logins()
