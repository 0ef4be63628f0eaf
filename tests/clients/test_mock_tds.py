"""The client against Microsoft's own mock server: without encryption, with TLS inside TDS 7.4, and with TDS 8.0 strict."""

import pathlib
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parent / "mock_tds"


@pytest.fixture(scope="session")
def mock_program():
    subprocess.run(["cargo", "build", "--quiet"], cwd=FOLDER, check=True)
    return FOLDER / "target" / "debug" / "mock-tds"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(certificate, key, certificate of another host and its key) for 127.0.0.1, self-signed."""
    folder = tmp_path_factory.mktemp("certificates")
    made = []
    for name, subject in (("good", "IP:127.0.0.1,DNS:localhost"), ("other", "DNS:elsewhere.example")):
        pem, key = folder / f"{name}.pem", folder / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", f"subjectAltName={subject}", "-keyout", key, "-out", pem],
            check=True, capture_output=True,
        )
        made += [pem, key]
    return made


@pytest.fixture
def mock(mock_program, make_bridge):
    """mock(mode, *files, **settings) starts a server and returns a Bridge that is pointed at it; "redirect" takes host and port."""
    started = []

    def start(mode, *rest, **settings):
        process = subprocess.Popen(
            [mock_program, mode, *rest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(process)
        port = process.stdout.readline().strip()
        return make_bridge({
            "SQLSERVER_HOST": "127.0.0.1",
            "SQLSERVER_PORT": port,
            "SQLSERVER_USERNAME": "sa",
            "SQLSERVER_PASSWORD": "does-not-matter",
            **settings,
        })

    yield start
    for process in started:
        process.stdin.close()
        process.wait(120)
        process.stdout.close()


MODES = [
    ("plain", {"SQLSERVER_ENCRYPT": "optional"}),
    ("tls", {"SQLSERVER_ENCRYPT": "mandatory"}),
    ("strict", {"SQLSERVER_ENCRYPT": "strict"}),
]


def connected(mock, certificate, mode, settings):
    if mode == "plain":
        return mock(mode, **settings)
    pem, key = certificate[:2]
    return mock(mode, pem, key, SQLSERVER_CA_FILE=str(pem), **settings)


@pytest.mark.parametrize("mode,settings", MODES)
def test_extremes_of_integers_and_nulls_arrive(mock, certificate, mode, settings):
    bridge = connected(mock, certificate, mode, settings)
    rows = bridge.sql("sqlserver", "SELECT * FROM INTS").json()["rows"]
    assert rows == [
        [0, -32768, -(2**31), -(2**63)],
        [255, 32767, 2**31 - 1, 2**63 - 1],
        [None, None, None, None],
    ]


@pytest.mark.parametrize("mode,settings", MODES)
def test_chunks_that_split_characters_arrive_whole(mock, certificate, mode, settings):
    bridge = connected(mock, certificate, mode, settings)
    [row] = bridge.sql("sqlserver", "SELECT * FROM TEXTS").json()["rows"]
    assert row[0] == "Zürich 🦆"
    assert row[1] == "aé漢🦆" * 1000
    assert row[2] == "0x" + bytes(i % 251 for i in range(8_000)).hex().upper()


def test_a_login_goes_where_the_server_sends_it(mock):
    aim = mock("plain", SQLSERVER_ENCRYPT="optional")
    sent = mock("redirect", "127.0.0.1", aim.settings["SQLSERVER_PORT"], SQLSERVER_ENCRYPT="optional")
    assert sent.settings["SQLSERVER_PORT"] != aim.settings["SQLSERVER_PORT"]
    assert len(sent.sql("sqlserver", "SELECT * FROM INTS").json()["rows"]) == 3


def test_a_server_that_sends_logins_round_in_circles_is_left(mock):
    """Three redirects, of which two are followed."""
    aim = mock("plain", SQLSERVER_ENCRYPT="optional")
    for _ in range(3):
        aim = mock("redirect", "127.0.0.1", aim.settings["SQLSERVER_PORT"], SQLSERVER_ENCRYPT="optional")
    result = aim.sql("sqlserver", "SELECT * FROM INTS", check=False)
    assert result.status == 1 and "redirects again and again" in result.err


def test_an_error_carries_its_number(mock):
    bridge = mock("plain", SQLSERVER_ENCRYPT="optional")
    result = bridge.sql("sqlserver", "SELECT DEADLOCK", check=False)
    assert result.status == 1
    assert "1205" in result.err and "chosen as the deadlock victim" in result.err


@pytest.mark.parametrize("mode,encrypt", [("tls", "mandatory"), ("strict", "strict")])
def test_a_certificate_that_nobody_vouches_for_is_refused(mock, certificate, mode, encrypt):
    bridge = mock(mode, *certificate[:2], SQLSERVER_ENCRYPT=encrypt)
    result = bridge.sql("sqlserver", "SELECT * FROM INTS", check=False)
    assert result.status == 1 and "certificate" in result.err.lower()


@pytest.mark.parametrize("mode,encrypt", [("tls", "mandatory"), ("strict", "strict")])
def test_a_certificate_of_another_host_is_refused(mock, certificate, mode, encrypt):
    pem, key = certificate[2:]
    bridge = mock(mode, pem, key, SQLSERVER_ENCRYPT=encrypt, SQLSERVER_CA_FILE=str(pem))
    result = bridge.sql("sqlserver", "SELECT * FROM INTS", check=False)
    assert result.status == 1 and "127.0.0.1" in result.err


def test_mandatory_encryption_refuses_a_server_without_it(mock):
    bridge = mock("plain", SQLSERVER_ENCRYPT="mandatory")
    result = bridge.sql("sqlserver", "SELECT * FROM INTS", check=False)
    assert result.status == 1 and "encrypt" in result.err.lower()
