"""Requests per second and latency of `serve` with many stored jobs, under wrk on the same machine.

    bench/service.py BUILD [--jobs 100000] [--seconds 10] [--connections 16] [--only NAME]… [--tls] [--json FILE]

BUILD holds sql-databricks-bridge. wrk is Debian's package: apt-get install wrk. bench/README.md says what is measured.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "system")]

from stored_jobs import fill  # noqa: E402

TOKEN = "token-of-the-benchmark-0123456789"
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Service:
    def __init__(self, build, folder, options):
        program = pathlib.Path(build).resolve() / "sql-databricks-bridge"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SQLSERVER_", "DATABRICKS_", "BRIDGE_", "SYNC_"))}
        env.update(BRIDGE_DATA_DIR=str(folder / "data"), JOBS_RETENTION_DAYS="0")
        self.log = open(folder / "serve.log", "a")
        self.process = subprocess.Popen([program, "serve", "--host", "127.0.0.1", "--port", "0", "--grace", "0", "--output", "json", *options],
                                        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit((folder / "serve.log").read_text())
        self.url = json.loads(line)["url"]

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text()).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()


def wrk(url, path, options, script):
    command = ["wrk", "-t2", f"-c{options.connections}", f"-d{options.seconds}s", "--latency", "-s", str(script), url + path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", text).groups()
    median, median_unit = re.search(r"50%\s+([\d.]+)(us|ms|s|m)", text).groups()
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    bad = re.search(r"(Non-2xx.*|Socket errors.*)", text)
    return {"requests": requests, "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), "p99_ms": float(number) * UNITS[unit],
            "p50_ms": float(median) * UNITS[median_unit], "bad": bad.group(1) if bad else ""}


def scripts(folder, ids):
    """wrk's scripts: with the token, and one that asks for another job each time."""
    with_token = folder / "token.lua"
    with_token.write_text(f'wrk.headers["Authorization"] = "Bearer {TOKEN}"\n')
    each_job = folder / "job.lua"
    some = ",".join(f'"{one}"' for one in random.Random(2).sample(ids, min(len(ids), 5000)))
    each_job.write_text(f'local ids = {{{some}}}\nlocal next = 0\nlocal headers = {{["Authorization"] = "Bearer {TOKEN}"}}\n'
                        "function request()\n  next = next % #ids + 1\n  return wrk.format(\"GET\", \"/jobs/\" .. ids[next], headers)\nend\n")
    plain = folder / "plain.lua"
    plain.write_text("")
    return [("/health/live", "/health/live", plain), ("/jobs", "/jobs", with_token), ("/jobs?limit=10", "/jobs?limit=10", with_token),
            ("/jobs?offset=90000", "/jobs?offset=90000", with_token), ("/jobs/{id}", "/jobs/", each_job), ("/metrics", "/metrics", plain)]


def tls_options(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return ["--tls-certificate", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-service-"))
    users = folder / "config" / "permissions.yaml"
    users.parent.mkdir()
    users.write_text(f'users:\n  - name: "bench"\n    token_sha256: "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
                     '    permissions:\n      - table: "*"\n        access: read_write\n')
    users.chmod(0o600)
    Service(options.build, folder, []).stop()
    ids = fill(folder / "data" / "jobs.db", options.jobs)
    service = Service(options.build, folder, tls_options(folder) if options.tls else [])
    figures = []
    print(f"load average before: {' '.join(f'{x:.2f}' for x in os.getloadavg())}; {options.connections} connections, {options.seconds} s each\n")
    print("| route | requests/s | p50 ms | p99 ms | CPU µs a request | RSS MiB |\n|---|---|---|---|---|---|")
    try:
        for name, path, script in scripts(folder, ids):
            if options.only and name not in options.only:
                continue
            time.sleep(2)  # what the last one left has ended
            before = service.cpu()
            f = {"route": name, **wrk(service.url, path, options, script)}
            f.update(cpu_us=(service.cpu() - before) * 1e6 / max(f["requests"], 1), rss_mib=service.rss())
            figures.append(f)
            print(f"| `{name}` | {f['per_second']:,.0f} | {f['p50_ms']:.2f} | {f['p99_ms']:.2f} | {f['cpu_us']:.0f} | {f['rss_mib']:.0f} | {f['bad']}", flush=True)
    finally:
        service.stop()
        shutil.rmtree(folder)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1))
    return 1 if any(f["bad"] for f in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
