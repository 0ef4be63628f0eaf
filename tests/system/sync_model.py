"""What a list of events must make of tables and statuses, worked out without a line of the product.

A model of a few tables as dictionaries and lists, applied in the order that the documentation promises: by priority
(highest first), then created_at, then event_id.
"""

import random

LIMIT = 25  # rows that a DELETE may take


class Failed(Exception):
    """The event fails with a message that holds these words; nothing changes."""


class Blocked(Failed):
    """The event is held back by the limit."""


class World:
    """Sources in Databricks and targets in SQL Server, before and after."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.heap = []  # dbo.Heap(n int, tag nvarchar(20)): no key, so that a row applied twice would show
        self.keyed = {i: f"old {i}" for i in range(200)}  # dbo.Keyed(id int primary key, name nvarchar(20))
        self.other = {i: f"old {i}" for i in range(200)}  # dbo.Other, the same
        self.sources = {}
        for i in range(40):
            keys = self.random.sample(range(300), self.random.randint(1, 12))
            self.sources[f"k{i}"] = [(key, f"s{i} {key}") for key in keys]
        for i in range(10):
            self.sources[f"h{i}"] = [(i * 100 + row, f"h{i}") for row in range(self.random.randint(1, 9))]
        self.sources["empty"] = []

    def event(self, number):
        """A random event as a dictionary of columns."""
        r = self.random
        kind = r.choice(
            ["heap", "heap", "heap", "insert", "update", "update", "upsert", "delete", "delete_source", "broken", "empty", "dry"]
        )
        table = r.choice(["Keyed", "Other"])
        keyed = r.choice([name for name in self.sources if name.startswith("k")])
        event = {
            "event_id": f"e{number:05}",
            "operation": "INSERT",
            "source_table": f"main.default.{keyed}",
            "target_table": f"dbo.{table}",
            "keys": ["id"],
            "priority": r.randint(0, 5),
            "created": number // 3,  # seconds; some are equal
            "filter": None,
            "metadata": None,
        }
        if kind == "heap":
            event.update(source_table=f"main.default.h{r.randint(0, 9)}", target_table="dbo.Heap", keys=[])
        elif kind == "update":
            event.update(operation="UPDATE")
        elif kind == "upsert":
            event.update(metadata={"mode": "upsert"})
        elif kind == "delete":
            start = r.randint(0, 290)
            event.update(operation="DELETE", source_table="", filter={"id": list(range(start, start + r.randint(1, 40)))})
        elif kind == "delete_source":
            event.update(operation="DELETE")
        elif kind == "broken":
            event.update(r.choice([{"operation": "UPSERT"}, {"target_table": "dbo.Nowhere"}, {"metadata": "{nonsense"},
                                   {"source_table": "main.default.nowhere"}, {"operation": "UPDATE", "keys": []}]))
        elif kind == "empty":
            event.update(source_table="main.default.empty")
        elif kind == "dry":
            event.update(operation="UPDATE", metadata={"dry_run": True})
        return event

    # ---- applying ----

    def apply(self, event):
        """(status, rows_affected); changes the tables as the event must."""
        try:
            return "completed", self._apply(event)
        except Blocked:
            return "blocked", 0
        except Failed:
            return "failed", 0

    def _apply(self, event):
        if event["operation"] not in ("INSERT", "UPDATE", "DELETE") or event["metadata"] == "{nonsense":
            raise Failed("broken")
        if event["operation"] != "INSERT" and not event["keys"]:
            raise Failed("Primary keys required")
        if event["target_table"] == "dbo.Nowhere":
            raise Failed("does not exist")
        source = None
        if event["source_table"]:
            name = event["source_table"].split(".")[-1]
            if name not in self.sources:
                raise Failed("TABLE_OR_VIEW_NOT_FOUND")
            source = self.sources[name]
        if event["operation"] == "INSERT" and not source:
            raise Failed("No data to insert")
        metadata = event["metadata"] or {}
        if event["target_table"] == "dbo.Heap":
            self.heap.extend(source)
            return len(source)
        table = self.keyed if event["target_table"] == "dbo.Keyed" else self.other
        if event["operation"] == "INSERT":
            if metadata.get("mode") != "upsert" and any(key in table for key, _ in source):
                raise Failed("2627")
            table.update(source)
            return len(source)
        if event["operation"] == "UPDATE":
            hits = [(key, name) for key, name in source if key in table]
            if metadata.get("dry_run"):
                return 0
            table.update(hits)
            return len(hits)
        wanted = {key for key, _ in source} if source is not None else set(event["filter"]["id"])
        hits = [key for key in table if key in wanted]
        if len(hits) > LIMIT:
            raise Blocked("limit")
        for key in hits:
            del table[key]
        return len(hits)


def in_order(events):
    return sorted(events, key=lambda e: (-e["priority"], e["created"], e["event_id"]))
