"""The command line: what it prints where, its exit status, and help, man page and completion that fit its options."""

import hashlib
import json
import re
import shutil
import subprocess

import pytest

from conftest import PROGRAM, ROOT

COMMANDS = [
    "extract", "list-queries", "show-params", "init", "serve", "sync", "events list", "events show", "events emit", "events plan",
    "events retry", "events cancel", "events watch", "test-connection", "config show", "sql", "sandbox", "token new",
    "version", "help", "completion", "man",
]
VERSION = (ROOT / "VERSION").read_text().strip()


@pytest.fixture
def folders(bridge):
    """The program with a queries folder and two countries."""
    bridge.write("queries/orders.sql", "SELECT {columns} FROM {orders_table} -- {{not_me}} {d '2024-01-01'}")
    bridge.write("queries/airports.sql", "\ufeffSELECT 1 AS a")
    bridge.write("queries/notes.txt", "{nobody}")
    bridge.write("config/common_params.yaml", "columns: a, b\ntables:\n  orders_table: dbo.orders\nflag: NO\nfactor: 1.0\n")
    bridge.write("config/Northland.yaml", "tables:\n  orders_table: dbo.orders_n\norigins: ['EWR', \"JFK\", ~]\nempty: null\n")
    bridge.write("config/Southland.yaml", "")
    return bridge


def rows(result):
    """The rows of a JSON table as a list of dicts."""
    answer = result.json()
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row)) for row in answer["rows"]]


def options_of(bridge, command):
    """The long options that a command's help lists."""
    text = bridge.run(*command.split(), "--help", check=True).out
    return set(re.findall(r"^\s+(?:-\w, )?--([a-z-]+)", text, re.M))


# ---- results and exit status ----


def test_version_is_one_line(bridge):
    result = bridge.run("version", check=True)
    assert result.out == f"sql-databricks-bridge v{VERSION}\n"
    assert result.err == ""
    assert bridge.run("--version", check=True).out == result.out


def test_version_as_json(bridge):
    assert VERSION in json.dumps(bridge.run("version", "--output", "json", check=True).json())


def test_a_new_token_and_its_hash_belong_together(bridge):
    made = bridge.run("token", "new", "--name", "reporting", "--output", "json", check=True).json()
    assert made["name"] == "reporting"
    assert re.fullmatch(r"sdb_[A-Za-z0-9_-]{43}", made["token"])
    assert hashlib.sha256(made["token"].encode()).hexdigest() == made["token_sha256"]
    text = bridge.run("token", "new", "--name", "reporting", check=True).out
    token = re.search(r"sdb_[A-Za-z0-9_-]{43}", text).group()
    assert token != made["token"]
    assert f'- name: "reporting"\n    token_sha256: "{hashlib.sha256(token.encode()).hexdigest()}"' in text


def test_list_queries_names_each_query_and_its_parameters_sorted(folders):
    result = folders.run("list-queries", "--queries-path", "queries", "--output", "json", check=True)
    assert rows(result) == [
        {"query": "airports", "parameters": ""},
        {"query": "orders", "parameters": "columns, orders_table"},
    ]
    assert result.err == ""
    table = folders.run("list-queries", "-q", "queries", check=True).out.splitlines()
    assert [line.split() for line in table[2:]] == [["airports"], ["orders", "columns,", "orders_table"]]


def test_show_params_shows_values_as_written_and_their_files(folders):
    result = folders.run("show-params", "-c", "config", "--country", "Northland", "--output", "json", check=True)
    assert [tuple(row.values()) for row in rows(result)] == [
        ("columns", "a, b", "common_params.yaml"),
        ("country", "Northland", "--country"),
        ("empty", "", "Northland.yaml"),
        ("factor", "1.0", "common_params.yaml"),
        ("flag", "NO", "common_params.yaml"),
        ("origins", "EWR, JFK, ", "Northland.yaml"),
        ("tables_orders_table", "dbo.orders_n", "Northland.yaml"),
    ]


def test_looking_at_files_needs_no_server_and_leaves_no_data(folders):
    settings = {"ENVIRONMENT": "production"}  # strict, and nothing configured
    assert folders.run("list-queries", "-q", "queries", env=settings).status == 0
    assert folders.run("show-params", "-c", "config", "--country", "Southland", env=settings).status == 0
    assert not folders.data.exists()


def test_results_go_to_stdout_and_everything_else_to_stderr(folders):
    failed = folders.run("list-queries", "-q", "nowhere")
    assert (failed.status, failed.out) == (1, "")
    assert failed.err.startswith("error: ")
    wrong = folders.run("list-queries", "-q")
    assert (wrong.status, wrong.out) == (2, "")


@pytest.mark.parametrize("words", [[], ["nothing"], ["list-queries"], ["list-queries", "--queries-path"], ["version", "twice"],
                                   ["version", "--nothing"], ["extract", "--chunk-size", "many"], ["config"]])
def test_wrong_usage_has_status_2(bridge, words):
    result = bridge.run(*words)
    assert result.status == 2, result


@pytest.mark.parametrize("words, message", [
    (["evnts", "list"], "There is no command 'evnts list'; did you mean 'events list'? 'sql-databricks-bridge help' lists all"),
    (["event", "list", "--limit", "3"], "There is no command 'event list'; did you mean 'events list'? 'sql-databricks-bridge help' lists all"),
    (["events", "lst"], "There is no command 'events lst'; did you mean 'events list'? 'sql-databricks-bridge help' lists all"),
    (["token", "nwe"], "There is no command 'token nwe'; did you mean 'token new'? 'sql-databricks-bridge help' lists all"),
    (["config", "xyz"], "There is no command 'config xyz'; there are 'config show'"),
    (["config", "--output", "json"], "There is no command 'config'; there are 'config show'"),
    (["evnts"], "There is no command 'evnts'; there are 'events list', 'events show', "),
    (["extrct", "--plan"], "There is no command 'extrct'; did you mean 'extract'? 'sql-databricks-bridge help' lists all"),
    (["sand", "box"], "There is no command 'sand box'; did you mean 'sandbox'? 'sql-databricks-bridge help' lists all"),
    (["config-show"], "There is no command 'config-show'; did you mean 'config show'? 'sql-databricks-bridge help' lists all"),
    (["help", "extract", "now"], "There is no command 'extract now'; did you mean 'extract'? 'sql-databricks-bridge help' lists all"),
    (["help", "events", "lst"], "There is no command 'events lst'; did you mean 'events list'? 'sql-databricks-bridge help' lists all"),
    (["zzzzzz", "yyyyyy"], "There is no command 'zzzzzz'; 'sql-databricks-bridge help' lists all"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_mistyped_command_is_shown_and_what_was_meant(bridge, words, message):
    result = bridge.run(*words)
    assert (result.status, result.out) == (2, "") and result.err.startswith(f"error: {message}"), result


def test_what_is_printed_never_goes_to_a_file_or_connection_that_took_a_closed_stream(bridge):
    """A closed stdout is an error whatever the program opens; a closed stdin or stderr harms nothing."""
    def run(words):
        return subprocess.run(f"{PROGRAM} {words}", shell=True, capture_output=True, text=True, cwd=bridge.folder, env=bridge.env())

    statement = "sql --on sqlserver --output csv 'SELECT 1 AS a'"
    for words in ("version", "help", "config show", statement):
        for closed in (">&-", "<&- >&-"):
            result = run(f"{words} {closed}")
            assert result.returncode == 1, (words, closed, result)
            assert "error: Can't write standard output: Bad file descriptor" in result.stderr, (words, closed, result)
        assert run(f"{words} <&- >&- 2>&-").returncode == 1
    result = run(f"{statement} <&- 2>&-")
    assert (result.returncode, result.stdout) == (0, "a\n1\n"), result


def test_a_closed_stdout_is_an_error_and_no_crash(folders):
    for _ in range(3):
        process = subprocess.run(f"{PROGRAM} man | true; echo ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                                 capture_output=True, text=True, cwd=folders.folder, env=folders.env())
        assert process.stdout.strip() in ("0", "1")
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, text=True, env=folders.env())
    assert done.returncode == 1
    assert "error: " in done.stderr


# ---- settings ----


def settings_shown(bridge, env=None):
    result = bridge.run("config", "show", "--output", "json", env=env, check=True)
    return {row["setting"]: row for row in rows(result)}, result


def test_config_show_tells_value_and_origin_of_every_setting(bridge):
    bridge.write(".env", "# comment\nexport SQLSERVER_HOST='db.example' # why\nSQLSERVER_PORT=1500\n")
    shown, _ = settings_shown(bridge, {"SQLSERVER_PORT": "1600"})
    assert (shown["SQLSERVER_HOST"]["value"], shown["SQLSERVER_HOST"]["origin"]) == ("db.example", ".env:2")
    assert (shown["SQLSERVER_PORT"]["value"], shown["SQLSERVER_PORT"]["origin"]) == ("1600", "environment")
    assert (shown["SQLSERVER_ENCRYPT"]["value"], shown["SQLSERVER_ENCRYPT"]["origin"]) == ("mandatory", "default")
    documented = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/SETTINGS.md").read_text(encoding="utf-8"), re.M)
    assert set(shown) == set(documented)


def test_secrets_are_masked_everywhere(bridge):
    bridge.write("secret", "from-a-file-9\n")
    env = {
        "SQLSERVER_PASSWORD": "p@ss/w0rd-1", "DATABRICKS_TOKEN": "dapi-0123456789", "DATABRICKS_CLIENT_SECRET_FILE": "secret",
        "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1", "SQLSERVER_USERNAME": "u",
    }
    shown, result = settings_shown(bridge, env)
    assert shown["SQLSERVER_PASSWORD"]["value"].strip("*") == ""
    assert shown["DATABRICKS_CLIENT_SECRET"]["origin"] == "file secret"
    failed = bridge.run("sql", "--on", "sqlserver", "--verbose", "SELECT 1 AS a", env=env)
    assert failed.status == 1
    for text in (result.out, result.err, failed.out, failed.err):
        for secret in ("p@ss/w0rd-1", "p%40ss", "cEBzcy93MHJkLTE", "dapi-0123456789", "from-a-file-9"):
            assert secret not in text


# ---- help, manual page, completion: all from one table ----


def test_help_lists_every_command(bridge):
    text = bridge.run("help", check=True).out
    assert re.findall(r"^  ([a-z]+(?:[- ][a-z]+)*)  ", text, re.M) == COMMANDS
    assert bridge.run("--help", check=True).out == text


@pytest.mark.parametrize("family", ["events", "config", "token"])
def test_help_lists_a_family_of_commands(bridge, family):
    text = bridge.run("help", family, check=True).out
    assert f"Usage: sql-databricks-bridge {family} COMMAND [OPTIONS]" in text
    assert re.findall(r"^  ([a-z]+ [a-z]+)  ", text, re.M) == [command for command in COMMANDS if command.startswith(family + " ")]
    for words in (["--help"], ["-h"]):
        assert bridge.run(family, *words, check=True).out == text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(bridge, command):
    result = bridge.run(*command.split(), "--help", check=True)
    assert f"Usage: sql-databricks-bridge {command}" in result.out
    assert "--help" in result.out


@pytest.mark.parametrize("command", ["list-queries", "show-params", "test-connection", "config show", "sql", "token new", "version", "extract"])
def test_every_result_can_be_json(bridge, command):
    assert "output" in options_of(bridge, command)


def test_extract_has_the_documented_options(bridge):
    assert options_of(bridge, "extract") >= {
        "queries-path", "config-path", "country", "destination", "query", "chunk-size", "overwrite", "verbose", "plan",
        "dry-run", "limit", "parallel", "memory", "max-cell", "spool-dir", "sandbox", "output",
        "timestamp-utc", "time-as-time", "offset-column", "base-type-column", "decode-clr", "replace-invalid-text",
    }


def test_the_manual_page_is_well_formed_and_names_every_option(bridge):
    page = bridge.run("man", check=True).out
    plain = page.replace("\\-", "-")
    for command in COMMANDS:
        for option in options_of(bridge, command):
            assert f"--{option}" in plain, (command, option)
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run([groff, "-man", "-Tutf8", "-ww", "-K", "utf8"], input=page, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "EXIT STATUS" in re.sub(r"\x1b\[\d*m|.\x08", "", done.stdout)


def complete(bridge, *words):
    """What bash would offer for the last word."""
    script = bridge.run("completion", check=True).out
    line = " ".join(["sql-databricks-bridge", *words])
    program = f"""
source /dev/stdin <<'SCRIPT'
{script}
SCRIPT
COMP_WORDS=(sql-databricks-bridge {' '.join(repr(word) for word in words)})
COMP_CWORD={len(words)}
COMP_LINE={line!r}
COMP_POINT={len(line)}
$(complete -p sql-databricks-bridge | sed -E 's/.*-F ([^ ]+).*/\\1/')
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, cwd=bridge.folder)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_completion_offers_commands_and_options(bridge):
    assert complete(bridge, "ex") == {"extract"}
    assert {"list-queries"} == complete(bridge, "list")
    assert "--queries-path" in complete(bridge, "list-queries", "--q")
    assert complete(bridge, "extract", "--over") == {"--overwrite"}
    assert complete(bridge, "ev") == {"events"}
    assert complete(bridge, "events", "w") == {"watch"}
    assert complete(bridge, "events", "emit", "--rows") == {"--rows-expected"}
    assert complete(bridge, "config", "") == {"show"}
