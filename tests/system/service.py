"""A `serve` process and an HTTP client for it that others wrote (http.client)."""

import hashlib
import http.client
import json
import re
import signal
import subprocess
import time


def token_of(name):
    return f"token-of-{name}-0123456789"


def permissions(users):
    """permissions.yaml of {"name": [("table", "access"[, max_delete_rows])]}."""
    lines = ["users:"]
    for name, rules in users.items():
        lines += [
            f'  - name: "{name}"',
            f'    token_sha256: "{hashlib.sha256(token_of(name).encode()).hexdigest()}"',
            "    permissions:" + ("" if rules else " []"),
        ]
        for table, access, *limit in rules:
            lines += [f'      - table: "{table}"', f"        access: {access}"]
            lines += [f"        max_delete_rows: {limit[0]}"] if limit else []
    return "\n".join(lines) + "\n"


def wish(**changes):
    """What POST /extract is asked for."""
    return {"queries_path": "q", "config_path": "c", "country": "Northland", "destination": "out", **changes}


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def detail(self):
        return self.json()["detail"]

    def __repr__(self):
        return f"{self.status} {self.body[:2000]!r}"


class Service:
    """Starts `serve` in a Bridge's folder; users as permissions() takes them, None: no file."""

    def __init__(self, bridge, users=None, options=(), env=None, ready=True):
        self.bridge = bridge
        self.options = options
        self.extra = env or {}
        self.process = None
        if users is not None:
            self.set_users(users)
        self.start(ready)

    def set_users(self, users):
        path = self.bridge.folder / "config" / "permissions.yaml"
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(permissions(users))
        fresh.chmod(0o600)
        fresh.rename(path)

    def start(self, ready=True):
        self.log_path = self.bridge.folder / "serve.log"
        log = open(self.log_path, "a")
        self.process = self.bridge.start(
            "serve", "--host", "127.0.0.1", "--output", "json",
            *(() if "--port" in self.options else ("--port", "0")),
            *(() if "--grace" in self.options else ("--grace", "0")), *self.options,
            env=self.extra, stdout=subprocess.PIPE, stderr=log,
        )
        log.close()
        line = self.process.stdout.readline()
        assert line, self.log()
        self.port = json.loads(line)["port"]
        if ready:
            self.until(lambda: self.get("/health/startup", token=None).status == 200)

    def log(self):
        return self.log_path.read_text()

    def audit(self):
        path = self.bridge.data / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def until(self, condition, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s\n{self.log()[-4000:]}")

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def request(self, method, path, body=None, token="admin", headers=None, raw=None):
        """token: a user's name; None: no token; ("raw", text): this header's value."""
        sent = dict(headers or {})
        if isinstance(token, tuple):
            sent["Authorization"] = token[1]
        elif token is not None:
            sent["Authorization"] = f"Bearer {token_of(token)}"
        data = raw
        if body is not None:
            data = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = self.connection()
        try:
            connection.request(method, path, data, sent)
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.request("POST", path, body, **kwargs)

    def delete(self, path, **kwargs):
        return self.request("DELETE", path, **kwargs)

    def ended(self, job_id, **kwargs):
        """Waits for a job's end and gives it."""

        def look():
            job = self.get(f"/jobs/{job_id}", **kwargs).json()
            return job if job["status"] in ("completed", "failed", "cancelled") else None

        return self.until(look)

    def metric(self, name, labels=""):
        text = self.get("/metrics", token=None).body.decode()
        match = re.search(rf"^{re.escape(name + labels)} (\S+)$", text, re.M)
        return float(match.group(1)) if match else None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process.stdout.close()
        return self.process.returncode
