"""Every token and type of src/tds/wire.h has a capture whose bytes others wrote (tests/golden/tds/README.md). Read by a reader of its own, after
MS-TDS 2.2.5.6 and 2.2.7."""

import re
import struct

from conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "tds"
BAD = ROOT / "tests" / "golden_bad" / "tds"
# Tokens that answer what the client never asks for: their captures are refused.
REFUSED = {
    "ALTMETADATA": "compute_metadata",
    "ALTROW": "compute_row",
    "DATACLASSIFICATION": "data_classification",
    "SSPI": "login_sspi",
    "FEDAUTHINFO": "login_federated_info",
}
NEVER_SENT = {"TVP", "VECTOR"}  # to servers only; not asked for
FIXED = {0x1F: 0, 0x30: 1, 0x32: 1, 0x34: 2, 0x38: 4, 0x3A: 4, 0x3B: 4, 0x3C: 8, 0x3D: 8, 0x3E: 8, 0x7A: 4, 0x7F: 8}
# Types whose values have a length of one byte: the bytes of their description behind the type.
SHORT = dict.fromkeys((0x24, 0x25, 0x26, 0x27, 0x29, 0x2A, 0x2B, 0x2D, 0x2F, 0x68, 0x6D, 0x6E, 0x6F), 1)
SHORT |= {0x28: 0, 0x37: 3, 0x3F: 3, 0x6A: 3, 0x6C: 3}


def constants(enum):
    text = re.search(r"typedef enum " + enum + r" \{(.*?)\}", (ROOT / "src" / "tds" / "wire.h").read_text(), re.S)[1]
    return {int(value, 16): name for name, value in re.findall(r"TDS_(?:TOKEN|TYPE)_(\w+) = (0x[0-9A-F]+)", text)}


TOKENS = constants("tds_token")
TYPES = constants("tds_type_id")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data)
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def text(self, size=1):
        self.take(2 * self.number(size))

    def type(self, in_result=True):
        """The type's id and how its values are framed."""
        kind = self.number(1)
        if kind in FIXED:
            return kind, "fixed"
        if kind in SHORT:
            self.take(SHORT[kind])
            return kind, "short"
        if kind in (0xA5, 0xA7, 0xAD, 0xAF, 0xE7, 0xEF):
            large = self.number(2) == 0xFFFF
            self.take(0 if kind in (0xA5, 0xAD) else 5)
            return kind, "chunks" if large else "long"
        if kind in (0x22, 0x23, 0x63):
            self.take(4 if kind == 0x22 else 9)
            for _ in range(self.number(1) if in_result else 0):
                self.text(2)
            return kind, "pointer"
        if kind == 0x62:
            self.take(4)
            return kind, "variant"
        if kind == 0xF0:
            self.take(2)
        parts = 3 if kind == 0xF0 else 2 if kind == 0xF1 and self.number(1) else 0
        for _ in range(parts):
            self.text()
        if parts:
            self.text(2)
        return kind, "chunks"

    def value(self, column):
        kind, frame = column
        if frame == "fixed":
            self.take(FIXED[kind])
        elif frame == "short":
            self.take(self.number(1))
        elif frame == "long":
            length = self.number(2)
            self.take(0 if length == 0xFFFF else length)
        elif frame == "variant":
            self.take(self.number(4))
        elif frame == "pointer":
            pointer = self.number(1)
            if pointer:
                self.take(pointer + 8)
                self.take(self.number(4))
        elif self.number(8) != 2**64 - 1:
            while length := self.number(4):
                self.take(length)


def messages(data):
    message = b""
    while data:
        length = struct.unpack(">H", data[2:4])[0]
        message += data[8:length]
        if data[1] & 1:
            yield message
            message = b""
        data = data[length:]


def found(message):
    """Names of the tokens and types of a message, up to a token that is refused."""
    reader, columns = Reader(message), []
    while reader.at < len(message):
        token = TOKENS[reader.number(1)]
        yield token
        if token in REFUSED:
            return
        if token == "COLMETADATA":
            columns = []
            for _ in range(reader.number(2)):
                reader.take(6)
                columns.append(reader.type())
                reader.text()
                yield TYPES[columns[-1][0]]
        elif token == "ROW":
            for column in columns:
                reader.value(column)
        elif token == "NBCROW":
            nulls = int.from_bytes(reader.take((len(columns) + 7) // 8), "little")
            for i, column in enumerate(columns):
                if not nulls >> i & 1:
                    reader.value(column)
        elif token == "RETURNVALUE":
            reader.take(2)
            reader.text()
            reader.take(7)
            reader.value(reader.type(in_result=False))
        elif token == "FEATUREEXTACK":
            while reader.number(1) != 0xFF:
                reader.take(reader.number(4))
        elif token in ("DONE", "DONEPROC", "DONEINPROC"):
            reader.take(12)
        elif token == "RETURNSTATUS":
            reader.take(4)
        else:
            reader.take(reader.number(4 if token == "SESSIONSTATE" else 2))


def contents(path):
    parts = list(messages(path.read_bytes()))
    for message in parts[1:] if path.name.startswith("login_") else parts:  # the first answers PRELOGIN, which has no tokens
        yield from found(message)


def test_others_wrote_a_capture_of_every_token_and_type():
    others = [path for path in GOLDEN.glob("*.bin") if not path.name.startswith(("made_", "login_made"))]
    seen = {name for path in others for name in contents(path)}
    seen |= {token for token, capture in REFUSED.items() if token in contents(BAD / f"{capture}.bin")}
    wanted = (set(TOKENS.values()) | set(TYPES.values())) - NEVER_SENT
    assert len(wanted) > 50, "wire.h was read"
    assert wanted - seen == set()

