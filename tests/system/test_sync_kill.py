"""kill -9 of two replicas at random, and connections cut around COMMIT: nothing lost, nothing doubled, no false word.

1,000 events of all kinds wait in the events table. Two replicas work on them and are killed 200 times in all, spread over
the whole run; a proxy cuts connections before a COMMIT, behind it, and anywhere. A model that shares nothing with the
product says what each table and each status must be.
"""

import os
import random

from conftest import Bridge
from sync_model import LIMIT, World
from sync_runs import Lake, Replicas, check_outcome, run_to_the_end, set_up
from tds_proxy import Proxy

EVENTS = int(os.environ.get("BRIDGE_TEST_KILL_EVENTS", "1000"))
KILLS = int(os.environ.get("BRIDGE_TEST_KILLS", "200"))


def test_two_replicas_are_killed_200_times(make_sandbox, tmp_path):
    seed = int(os.environ.get("BRIDGE_TEST_SEED", "1"))
    sandbox = make_sandbox()
    lake = Lake(sandbox.databricks)
    proxy = Proxy("127.0.0.1", sandbox.info["sqlserver"]["port"], seed, commit_cuts=0.10, other_cuts=0.002)
    settings = {**sandbox.sqlserver, **sandbox.databricks}
    direct = Bridge(tmp_path / "direct", settings)
    world = World(seed)
    events = [world.event(i) for i in range(EVENTS)]
    set_up(direct, lake, world, events)
    service = Bridge(
        tmp_path / "service",
        {**settings, "SQLSERVER_PORT": str(proxy.port), "POLLING_INTERVAL_SECONDS": "1", "SYNC_PARALLEL_TABLES": "2",
         "SYNC_MAX_DELETE_ROWS": str(LIMIT)},
    )
    replicas = Replicas(service)
    kills = run_to_the_end(replicas, lake, random.Random(seed), EVENTS, KILLS)
    replicas.stop()
    proxy.stop()
    print(f"{kills} kills; commits cut before {proxy.cut_before}, behind {proxy.cut_behind}; others {proxy.cut_other}")
    assert min(proxy.cut_behind, proxy.cut_before) > EVENTS // 100
    check_outcome(direct, lake, world, events)
