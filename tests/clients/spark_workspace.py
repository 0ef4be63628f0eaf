"""A Databricks workspace on loopback in front of PySpark with Delta Lake.

    python tests/clients/spark_workspace.py --port 0 --data FOLDER

prints one line of JSON (host, port, token, warehouse_id…) and serves until SIGINT or SIGTERM.
"""

import argparse
import datetime
import email.utils
import http.server
import json
import pathlib
import re
import secrets
import signal
import threading
import time
import urllib.parse
import uuid

from pyspark import InheritableThread

import spark_dialect as dialect
import spark_engine as engine
import spark_results as results

STATEMENTS = "/api/2.0/sql/statements"
FILES = "/api/2.0/fs/files/Volumes"
DIRECTORIES = "/api/2.0/fs/directories/Volumes"
UNITY = "/api/2.1/unity-catalog"
INLINE_TOO_LONG = (
    "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most {} bytes. "
    "Please execute the statement with disposition=EXTERNAL_LINKS if you want to download the full result."
)
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "CLOSED")


class Reply(Exception):
    """An answer that ends a request: an error, or anything but plain JSON."""

    def __init__(self, status, code=None, message="", details=None, body=None, headers=None):
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = body
        if code is not None:
            self.body = json.dumps({"error_code": code, "message": message, "details": details or []}).encode()
            self.headers.setdefault("Content-Type", "application/json")


def invalid(message):
    return Reply(400, "INVALID_PARAMETER_VALUE", message)


class Statement:
    """One statement: what was asked, its state, its result. The lock guards the state."""

    def __init__(self, request, external):
        self.id = str(uuid.uuid1())
        self.request = request
        self.external = external
        self.form = request.get("format", "JSON_ARRAY")
        self.state = "PENDING"
        self.error = None
        self.result = None
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def end(self, state, error=None, result=None):
        """The first end counts; False for a later one."""
        with self.lock:
            if self.state in ENDED:
                return False
            self.state, self.error, self.result = state, error, result
        self.ended.set()
        return True


class Workspace:
    """Statements, files and look-ups; knows nothing of HTTP but its errors."""

    def __init__(self, data, options):
        self.options = options
        self.spark = engine.MappedSparkSession.start(data, options.catalogs)
        self.volumes = self.spark.shared.volumes
        self.token = options.token
        self.warehouse = options.warehouse
        self.statements = {}
        self.links = {}  # name -> (bytes, time at which it expires)
        self.lock = threading.Lock()
        self.count = 0

    # ---- statements

    def execute(self, request):
        self.check(request)
        external = request.get("disposition", "INLINE") == "EXTERNAL_LINKS"
        statement = Statement(request, external)
        with self.lock:
            self.statements[statement.id] = statement
            self.count += 1
            slow = self.options.slow_every and self.count % self.options.slow_every == 0
        InheritableThread(target=self.run, args=(statement, slow), daemon=True).start()
        wait = int(request.get("wait_timeout", "10s")[:-1])
        if wait and not slow and not statement.ended.wait(wait) and request.get("on_wait_timeout") == "CANCEL":
            self.cancel(statement)
        return self.shown(statement)

    def check(self, request):
        """Refuses what a workspace refuses before a statement begins."""
        if not isinstance(request.get("statement"), str):
            raise invalid("The statement is missing.")
        if request.get("warehouse_id") != self.warehouse:
            raise Reply(404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {request.get('warehouse_id')} does not exist")
        wait = request.get("wait_timeout", "10s")
        if not re.fullmatch(r"\d{1,2}s", wait) or not (wait == "0s" or 5 <= int(wait[:-1]) <= 50):
            raise invalid("wait_timeout must be 0s, or between 5s and 50s.")
        if len(request.get("parameters") or []) > 256:
            raise invalid("A statement takes at most 256 parameters.")
        form, external = request.get("format", "JSON_ARRAY"), request.get("disposition") == "EXTERNAL_LINKS"
        if form != "JSON_ARRAY" and not external:
            raise invalid("The format field must be JSON_ARRAY when the disposition field is INLINE.")
        if form not in ("JSON_ARRAY", "ARROW_STREAM"):
            raise invalid(f"This workspace has no format {form}.")

    def run(self, statement, slow):
        """Runs in a thread of the statement's own, in a session of its own."""
        spark = self.session()
        spark.sparkContext.setJobGroup(statement.id, "statement", interruptOnCancel=True)
        spark.sparkContext.setLocalProperty("spark.scheduler.pool", statement.id)  # no statement waits for another's jobs
        try:
            if slow:
                statement.ended.wait(self.options.slow_seconds)
            with statement.lock:
                if statement.state in ENDED:
                    return
                statement.state = "RUNNING"
            statement.end("SUCCEEDED", result=self.compute(spark, statement))
        except Reply as e:
            statement.end("FAILED", str(e))
        except Exception as e:  # whatever Spark throws is the statement's error, not the server's
            statement.end("FAILED", results.failure_text(e))

    def compute(self, spark, statement):
        request = statement.request
        spark.use(request.get("catalog"), request.get("schema"))
        spark.conf.set(engine.USER_METADATA, statement.id)
        frame = spark.sql(request["statement"].rstrip().rstrip(";"), self.parameters(spark, request))
        as_text = statement.form == "JSON_ARRAY"
        table = spark.written(frame)
        if table:
            rows = engine.inserted_rows(table, statement.id)
            result = results.Result.of_counts(as_text, num_affected_rows=rows, num_inserted_rows=rows)
        else:
            result = results.Result.of_frame(frame, as_text, request.get("row_limit"))
        result.limit_bytes(request.get("byte_limit"))
        if not statement.external and result.table.nbytes > self.options.inline_limit:
            raise Reply(200, message=INLINE_TOO_LONG.format(self.options.inline_limit))
        result.cut(self.options.chunk_rows)
        return result

    def parameters(self, spark, request):
        values = {}
        for parameter in request.get("parameters") or []:
            values[parameter["name"]] = spark.literal(parameter.get("value"), parameter.get("type") or "STRING")
        return values or None

    def find(self, id):
        statement = self.statements.get(id)
        if statement is None:
            raise Reply(404, "NOT_FOUND", f"The statement {id} was not found.")
        return statement

    def cancel(self, statement):
        if statement.end("CANCELED"):
            self.spark.sparkContext.cancelJobGroup(statement.id)

    def close(self, statement):
        self.cancel(statement)
        statement.state, statement.result = "CLOSED", None

    def shown(self, statement):
        with statement.lock:
            state, error, result = statement.state, statement.error, statement.result
        reply = {"statement_id": statement.id, "status": {"state": state}}
        if error is not None:
            reply["status"]["error"] = {"error_code": "BAD_REQUEST", "message": error}
        if result is not None:
            reply["manifest"] = result.manifest(statement.form, statement.external)
            reply["result"] = self.chunk(statement, 0) if result.chunks else {}
        return reply

    def chunk(self, statement, i):
        result = statement.result
        if result is None or not 0 <= i < len(result.chunks):
            raise Reply(404, "NOT_FOUND", f"The result of the statement {statement.id} was not found.")
        if not statement.external:
            return self.step(statement, i) | {"data_array": result.rows(i)}
        last = min(i + self.options.links_per_reply, len(result.chunks))
        chunks = range(i, last)
        return {"external_links": [self.step(statement, n) | self.link(result.body(n, statement.form)) for n in chunks]}

    def step(self, statement, i):
        """Where a chunk lies and where the next one is."""
        shown = statement.result.place(i, statement.external)
        if i + 1 < len(statement.result.chunks):
            shown["next_chunk_index"] = i + 1
            shown["next_chunk_internal_link"] = f"{STATEMENTS}/{statement.id}/result/chunks/{i + 1}"
        return shown

    def link(self, body):
        name = secrets.token_urlsafe(16)
        expires = time.time() + self.options.link_seconds
        with self.lock:
            self.links[name] = (body, expires)
        when = datetime.datetime.fromtimestamp(expires, datetime.timezone.utc)
        return {
            "external_link": f"{self.address}/storage/{name}?signed",
            "expiration": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "byte_count": len(body),
        }

    # ---- Unity Catalog

    def describe(self, kind, name):
        """What the look-ups tell of a catalog, schema, table or volume."""
        parts = name.split(".")
        known = {"catalogs": self.has_catalog, "schemas": self.has_schema, "tables": self.has_table, "volumes": self.has_volume}
        if len(parts) != {"catalogs": 1, "schemas": 2}.get(kind, 3) or not known[kind](*parts):
            raise Reply(404, f"{kind[:-1].upper()}_DOES_NOT_EXIST", f"{kind[:-1].capitalize()} '{name}' does not exist.")
        shown = {"name": parts[-1], "full_name": name}
        if len(parts) > 1:
            shown["catalog_name"] = parts[0]
        if len(parts) > 2:
            shown["schema_name"] = parts[1]
        if kind == "tables":
            fields = self.session().table(dialect.quote(*parts)).schema.fields
            columns = [results.column(f.name, f.dataType, i) | {"nullable": f.nullable} for i, f in enumerate(fields)]
            shown |= {"table_type": "MANAGED", "data_source_format": "DELTA", "columns": columns}
        if kind == "volumes":
            shown["volume_type"] = "MANAGED"
        return shown

    def session(self):
        """A session of the calling thread's own."""
        session = self.spark.newSession()
        session.activate()
        return session

    def has_catalog(self, catalog):
        return catalog.lower() in self.spark.shared.catalogs

    def has_schema(self, catalog, schema):
        return self.has_catalog(catalog) and schema.lower() in self.children(catalog)

    def has_table(self, catalog, schema, table):
        return self.has_schema(catalog, schema) and table.lower() in self.children(catalog, schema)

    def has_volume(self, *parts):
        return self.spark.shared.volume(parts).is_dir()

    def children(self, *parts):
        """The names of a catalog's schemas or of a schema's tables."""
        what = "SCHEMAS" if len(parts) == 1 else "TABLES"
        rows = self.session().sql(f"SHOW {what} IN {dialect.quote(*parts)}").collect()
        if len(parts) == 1:  # shown as a statement would have to write them
            return [dialect.name_parts(dialect.tokens(row[0]), 0)[0][0] for row in rows]
        return [row["tableName"] for row in rows]

    def listed(self, kind, catalog, schema):
        if kind == "catalogs":
            names = self.spark.shared.catalogs
        elif kind == "volumes":
            names = [p.name for p in self.spark.shared.volume([catalog, schema, "x"]).parent.glob("*")]
        else:
            names = self.children(*[part for part in (catalog, schema) if part])
        start = [part for part in (catalog, schema) if part]
        return {kind: [self.describe(kind, ".".join([*start, name])) for name in sorted(names)]}


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP: routes, the token, bodies."""

    protocol_version = "HTTP/1.1"
    workspace = None

    def log_message(self, *_):
        pass

    def do(self):
        self.url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(self.url.query, keep_blank_values=True))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            path = urllib.parse.unquote(self.url.path)
            answer = self.route(path.rstrip("/") or "/")
            self.send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})
        except Reply as reply:
            self.send(reply.status, reply.body or b"", reply.headers)
        except ConnectionError:
            self.close_connection = True
        except Exception as e:
            self.send(500, json.dumps({"error_code": "INTERNAL_ERROR", "message": repr(e)}).encode(), {})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do

    def send(self, status, body, headers):
        self.send_response(status)
        shown = {"server": "databricks", "x-databricks-org-id": "1", "Content-Length": str(len(body)), **headers}
        for name, value in shown.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def route(self, path):
        if path.startswith("/storage/"):
            return self.storage(path.removeprefix("/storage/"))
        if path.startswith(("/.well-known/", "/oidc/")):
            raise Reply(404, "NOT_FOUND", "No API found.")
        self.authorize()
        for start, serve in (
            (STATEMENTS, self.statements),
            (FILES, self.files),
            (DIRECTORIES, self.directories),
            (UNITY, self.unity),
            ("/api/2.0/sql/warehouses", self.warehouses),
            ("/api/2.0/preview/scim/v2/Me", self.me),
        ):
            if path == start or path.startswith(start + "/"):
                return serve(path.removeprefix(start).strip("/"))
        raise Reply(404, "ENDPOINT_NOT_FOUND", f"No API found for '{self.command} {path}'")

    def authorize(self):
        given = self.headers.get("Authorization")
        if not given:
            raise Reply(401, 401, "Credential was not sent or was of an unsupported type for this API.")
        if given != f"Bearer {self.workspace.token}":
            raise Reply(403, 403, "Invalid access token.")

    def json_body(self):
        try:
            return json.loads(self.body or b"{}")
        except ValueError as e:
            raise Reply(400, "MALFORMED_REQUEST", f"Could not parse request object: {e}") from e

    def statements(self, rest):
        workspace = self.workspace
        if rest == "" and self.command == "POST":
            return workspace.execute(self.json_body())
        id, _, rest = rest.partition("/")
        statement = workspace.find(id)
        if self.command == "DELETE" and not rest:
            workspace.close(statement)
            return {}
        if self.command == "POST" and rest == "cancel":
            workspace.cancel(statement)
            return {}
        if rest.startswith("result/chunks/"):
            return workspace.chunk(statement, int(rest.rpartition("/")[2]))
        return workspace.shown(statement)

    def storage(self, name):
        """A cloud's storage: the address is the permission, a token beside it is refused."""
        xml = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"
        headers = {"Content-Type": "application/xml"}
        if self.headers.get("Authorization"):
            body = xml.format("InvalidArgument", "Only one auth mechanism allowed").encode()
            raise Reply(400, body=body, headers=headers)
        body, expires = self.workspace.links.get(name, (None, 0))
        if body is None or time.time() >= expires:
            raise Reply(403, body=xml.format("AccessDenied", "Request has expired").encode(), headers=headers)
        raise Reply(200, body=body, headers={"Content-Type": "binary/octet-stream"})

    # ---- files

    def place(self, rest):
        """The local path of a volume's path; refuses what is no volume or leaves it."""
        parts = rest.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise invalid(f"The path /Volumes/{rest} is not valid.")
        volume = "/".join(parts[:3])
        if len(parts) < 3 or not self.workspace.has_volume(*parts[:3]):
            detail = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "FILES_API_RESOURCE_NOT_FOUND",
                "domain": "filesystem.databricks.com",
                "metadata": {},
            }
            raise Reply(404, "NOT_FOUND", f"Volume '{volume.replace('/', '.')}' does not exist.", [detail])
        return self.workspace.spark.shared.volume(parts[:3]).joinpath(*parts[3:])

    def files(self, rest):
        place = self.place(rest)
        if self.command == "PUT":
            return self.put_file(place)
        if not place.is_file():
            raise Reply(404, "NOT_FOUND", f"The file /Volumes/{rest} does not exist.")
        if self.command == "DELETE":
            place.unlink()
            raise Reply(204)
        headers = {
            "Content-Type": "application/octet-stream",
            "Last-Modified": email.utils.formatdate(place.stat().st_mtime, usegmt=True),
        }
        if self.command == "HEAD":
            raise Reply(200, headers=headers | {"Content-Length": str(place.stat().st_size)})
        body, status = place.read_bytes(), 200
        ranges = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if ranges:
            first, last = int(ranges[1]), int(ranges[2] or len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{min(last, len(body) - 1)}/{len(body)}"
            body, status = body[first : last + 1], 206
        raise Reply(status, body=body, headers=headers)

    def put_file(self, place):
        if not place.parent.is_dir():
            raise Reply(404, "NOT_FOUND", "The directory of the file does not exist.")
        if place.exists() and self.query.get("overwrite", "true") == "false":
            raise Reply(409, "ALREADY_EXISTS", "The file being created already exists.")
        part = self.workspace.volumes.parent / f"upload-{secrets.token_hex(8)}"
        part.write_bytes(self.body)
        part.replace(place)
        raise Reply(204)

    def directories(self, rest):
        place = self.place(rest)
        if self.command == "PUT":
            place.mkdir(parents=True, exist_ok=True)
            raise Reply(204)
        if not place.is_dir():
            raise Reply(404, "NOT_FOUND", f"The directory /Volumes/{rest} does not exist.")
        if self.command == "HEAD":
            raise Reply(200)
        if self.command == "DELETE":
            if any(place.iterdir()):
                raise Reply(400, "FAILED_PRECONDITION", "The directory is not empty.")
            place.rmdir()
            raise Reply(204)
        return self.page(rest, sorted(place.iterdir()))

    def page(self, rest, entries):
        size = min(int(self.query.get("page_size") or 1000), 1000)
        start = int(self.query.get("page_token") or 0)
        reply = {"contents": [self.entry(rest, p) for p in entries[start : start + size]]}
        if start + size < len(entries):
            reply["next_page_token"] = str(start + size)
        return reply

    def entry(self, rest, path):
        shown = {
            "path": f"/Volumes/{rest}/{path.name}",
            "name": path.name,
            "is_directory": path.is_dir(),
            "last_modified": int(path.stat().st_mtime * 1000),
        }
        return shown if path.is_dir() else shown | {"file_size": path.stat().st_size}

    # ---- look-ups

    def unity(self, rest):
        kind, _, name = rest.partition("/")
        if kind not in ("catalogs", "schemas", "tables", "volumes"):
            raise Reply(404, "ENDPOINT_NOT_FOUND", f"No API found for '{self.command} {rest}'")
        if not name:
            return self.workspace.listed(kind, self.query.get("catalog_name"), self.query.get("schema_name"))
        if name.endswith("/exists"):
            parts = name.removesuffix("/exists").split(".")
            return {"table_exists": len(parts) == 3 and self.workspace.has_table(*parts)}
        return self.workspace.describe(kind, name)

    def warehouses(self, rest):
        id, _, action = rest.partition("/")
        one = {"id": self.workspace.warehouse, "name": "Spark", "state": "RUNNING", "health": {"status": "HEALTHY"}}
        if not id:
            return {"warehouses": [one]}
        if id != one["id"]:
            raise Reply(404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {id} does not exist")
        return {} if action else one

    def me(self, _):
        return {"id": "1", "userName": "someone@example.com", "displayName": "Someone", "active": True}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def parser():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options.add_argument("--data", required=True, type=pathlib.Path, help="the folder of tables and volumes")
    options.add_argument("--token", default="spark-token")
    options.add_argument("--warehouse", default="spark")
    options.add_argument("--catalog", dest="catalogs", action="append", help="may be repeated; CREATE CATALOG makes more")
    options.add_argument("--chunk-rows", type=int, default=122880, help="rows of a result's chunk")
    options.add_argument("--links-per-reply", type=int, default=1, help="addresses in an answer")
    options.add_argument("--link-seconds", type=float, default=900, help="how long an address of a chunk is valid")
    options.add_argument("--inline-limit", type=int, default=26214400, help="bytes of an inline result")
    options.add_argument("--slow-every", type=int, default=0, metavar="N", help="the first answer to every Nth statement is PENDING")
    options.add_argument("--slow-seconds", type=float, default=1.0, help="how long such a statement waits before it starts")
    return options


class Running:
    """A workspace that serves from this process."""

    def __init__(self, data, **changes):
        self.options = parser().parse_args(["--data", str(data)])
        self.options.catalogs = list(engine.CATALOGS)
        vars(self.options).update({name: value for name, value in changes.items() if value is not None})
        self.workspace = Workspace(self.options.data, self.options)
        self.spark = self.workspace.spark
        handler = type("BoundHandler", (Handler,), {"workspace": self.workspace})
        self.server = Server(("127.0.0.1", self.options.port), handler)
        self.workspace.address = self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True)
        self.thread.start()

    @property
    def info(self):
        """What a client needs."""
        return {
            "host": self.address,
            "port": self.server.server_address[1],
            "token": self.options.token,
            "warehouse_id": self.options.warehouse,
            "catalog": "main",
            "schema": "default",
            "volume": "landing",
        }

    @property
    def settings(self):
        """The same as settings of the program under test."""
        info = self.info
        return {f"DATABRICKS_{name.upper()}": str(value) for name, value in info.items() if name != "port"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.spark.stop()


def main():
    options = vars(parser().parse_args())
    running = Running(options.pop("data"), **options)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # in place of Spark's own, which only cancels jobs
        signal.signal(number, lambda *_: asked.set())
    print(json.dumps(running.info), flush=True)
    asked.wait()
    running.stop()


if __name__ == "__main__":
    main()
