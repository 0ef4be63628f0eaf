"""Code pages beside Python's codecs, which Microsoft's other files made: code by code, both ways.

Windows maps more than the codecs: single bytes that have no character become C1 controls or private use, user-defined
double bytes private use, 0x80 of 936 is the euro sign and 0xCA of 1255 a Hebrew point. And 950 has private use for
C6A1..C8FE, where the codec has an extension of Big5. Nothing else differs.
"""

import ctypes
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()
SINGLE = [437, 850, 874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258]
DOUBLE = [932, 936, 949, 950]
# Codes that only Windows has, by page.
ONLY_WINDOWS = {874: 31, 936: 2151, 949: 190, 950: 6219, 1250: 5, 1251: 1, 1252: 5, 1253: 17, 1254: 7, 1255: 23, 1257: 12, 1258: 9}


@pytest.fixture(scope="module")
def library():
    library = ctypes.CDLL(str(BUILD / "tests" / "interop" / "charset_interop.so"))
    library.interop_decode.argtypes = [ctypes.c_uint, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p]
    library.interop_encode.argtypes = [
        ctypes.c_uint, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p,
    ]  # fmt: skip
    return library


def decode(library, page, code):
    out, written = ctypes.create_string_buffer(3 * len(code) + 1), ctypes.c_size_t()
    if library.interop_decode(page, code, len(code), out, ctypes.byref(written)) != 0:
        return None
    return out.raw[: written.value].decode()


def encode(library, page, text, lossy=False):
    raw = text.encode()
    out, written = ctypes.create_string_buffer(len(raw) + 1), ctypes.c_size_t()
    if library.interop_encode(page, raw, len(raw), lossy, out, len(raw) + 1, ctypes.byref(written)) != 0:
        return None
    return out.raw[: written.value]


def codec(page, code):
    try:
        return code.decode(f"cp{page}")
    except UnicodeDecodeError:
        return None


def try_encode(char, page):
    try:
        return char.encode(f"cp{page}")
    except UnicodeEncodeError:
        return None


def is_extra(page, code, text):
    char = ord(text)
    stands_in = 0x80 <= char <= 0x9F or 0xE000 <= char <= 0xF8FF
    return stands_in or (page, code) in ((936, b"\x80"), (1255, b"\xca"))


def codes(library, page):
    """All single bytes, and all pairs behind bytes that are nothing by themselves."""
    for first in range(256):
        code = bytes([first])
        if page in SINGLE or decode(library, page, code) is not None:
            yield code
        else:
            yield from (bytes([first, second]) for second in range(256))


@pytest.mark.parametrize("page", SINGLE + DOUBLE)
def test_every_code_is_what_pythons_codec_says_or_what_windows_adds(library, page):
    extras = 0
    for code in codes(library, page):
        ours, theirs = decode(library, page, code), codec(page, code)
        if ours == theirs or theirs is not None and len(theirs) == 2 and ours is None:
            continue
        assert ours is not None, f"{code.hex()} is {theirs!a} for Python"
        assert is_extra(page, code, ours), f"{code.hex()}: {ours!a}, Python has {theirs!a}"
        assert theirs is None or (page == 950 and b"\xc6\xa1" <= code <= b"\xc8\xfe"), code.hex()
        extras += 1
    assert extras == ONLY_WINDOWS.get(page, 0)


# Characters with two codes, of which Windows writes another than Python: in 932 IBM's extensions before NEC's selection
# of them, in 950 four box drawings.
OTHER_OF_TWO = {932: 373, 950: 4}


@pytest.mark.parametrize("page", SINGLE + DOUBLE)
def test_every_character_is_written_as_pythons_codec_writes_it(library, page):
    """But for what the codec writes and Windows' page reads back as another character: that would be a loss."""
    others = 0
    for char in map(chr, range(0x10000)):
        theirs = None if 0xD800 <= ord(char) <= 0xDFFF else try_encode(char, page)
        if theirs is None:
            continue
        ours = encode(library, page, char)
        if ours is None:
            assert decode(library, page, theirs) != char, f"U+{ord(char):04X}"
        elif ours != theirs:
            assert decode(library, page, ours) == decode(library, page, theirs) == char, f"U+{ord(char):04X}"
            others += 1
    assert others == OTHER_OF_TWO.get(page, 0)


def test_best_fit_is_used_only_when_asked_for(library):
    assert encode(library, 1252, "∞ａ") is None
    assert encode(library, 1252, "∞ａ", lossy=True) == b"8a"
    assert encode(library, 1252, "Ж😀", lossy=True) == b"???"
