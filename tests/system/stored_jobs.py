"""A job store with many jobs in it, written past the service."""

import json
import random
import sqlite3
import time
import uuid

QUERIES = 3


def fill(path, count):
    """Jobs as the service stores them, all but a few ended. Returns some ids."""
    random_ = random.Random(1)
    db = sqlite3.connect(path)
    start = int(time.time() * 1e6) - count * 1_000_000
    ids = [str(uuid.UUID(int=random_.getrandbits(128), version=4)) for _ in range(count)]
    options = json.dumps({"queries_path": "/srv/bridge/queries", "config_path": "/srv/bridge/config", "source_ip": "10.0.0.1",
                          "overwrite": False, "chunk_rows": 0})
    with db:
        for i, job in enumerate(ids):
            status = random_.choice([2] * 8 + [3, 4])
            at = start + i * 1_000_000
            row = (i + 1, job, status, 1, "sql.example.com:1433", "Northland", "/Volumes/main/landing/files", options, f"user{i % 7}", "0" * 64,
                   "1 of 3 queries failed" if status == 3 else None, at, at + 1000, at + 900_000, QUERIES, QUERIES if status == 2 else 0, status == 3)
            db.execute("INSERT INTO job(seq,id,status,attempts,server,country,destination,options,user_name,request_sha256,error,created_us,"
                       "started_us,completed_us,queries_total,queries_completed,queries_failed) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
            db.executemany("INSERT INTO job_query(job_seq,position,name,status,rows_extracted,files_created,duration_ms) VALUES(?,?,?,?,?,?,?)",
                           [(i + 1, q, f"query_{q}", status, 1_000_000 * q, 1, 300) for q in range(QUERIES)])
    db.close()
    return ids
