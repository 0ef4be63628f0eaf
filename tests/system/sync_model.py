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


KINDS = ["heap"] * 3 + ["insert"] * 2 + ["update"] * 2 + ["upsert", "delete", "delete_source", "cascade", "number", "identity",
                                                          "broken", "empty", "dry"]


class World:
    """Sources in Databricks and targets in SQL Server, before and after."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.heap = []  # dbo.Heap(n int, tag nvarchar(20)): no key, so that a row applied twice would show
        old = {i: f"old {i}" for i in range(200)}
        self.tables = {"Keyed": dict(old), "Other": dict(old), "Parent": dict(old)}  # (id int primary key, name nvarchar(20))
        self.children = {i: i // 2 for i in range(400)}  # dbo.Child(id int primary key, parent_id references Parent, ON DELETE CASCADE)
        self.numbered = []  # names of dbo.Numbered(id int identity primary key, name nvarchar(20)) that SQL Server has numbered
        self.given = {}  # id: name of its rows with ids of the source
        self.sources = {}
        for i in range(40):
            keys = self.random.sample(range(300), self.random.randint(1, 12))
            self.sources[f"k{i}"] = [(key, f"s{i} {key}") for key in keys]
        for i in range(10):
            self.sources[f"h{i}"] = [(i * 100 + row, f"h{i}") for row in range(self.random.randint(1, 9))]
            self.sources[f"n{i}"] = [(f"n{i} {row}",) for row in range(self.random.randint(1, 9))]
        for i in range(60):  # ids that SQL Server gives nobody
            self.sources[f"g{i}"] = [(-key, f"g{i} {key}") for key in self.random.sample(range(1, 900), self.random.randint(1, 6))]
        self.sources["empty"] = []

    def event(self, number):
        """A random event as a dictionary of columns."""
        r = self.random
        kind = r.choice(KINDS)
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
            "metadata": {},
        }
        if kind == "heap":
            event.update(source_table=f"main.default.h{r.randint(0, 9)}", target_table="dbo.Heap", keys=[])
        elif kind == "update":
            event.update(operation="UPDATE")
        elif kind == "upsert":
            event.update(target_table=r.choice(["dbo.Keyed", "dbo.Other", "dbo.Parent"]), metadata={"mode": "upsert"})
        elif kind == "delete":
            event.update(operation="DELETE", source_table="", filter=self._some_ids(40))
        elif kind == "delete_source":
            event.update(operation="DELETE")
        elif kind == "cascade":
            event.update(operation="DELETE", target_table="dbo.Parent", source_table="", filter=self._some_ids(30),
                         metadata=r.choice([{"allow_cascade": True}] * 3 + [{}]))
        elif kind == "number":
            event.update(source_table=f"main.default.n{r.randint(0, 9)}", target_table="dbo.Numbered")
        elif kind == "identity":
            event.update(source_table=f"main.default.g{r.randint(0, 59)}", target_table="dbo.Numbered",
                         metadata=r.choice([{"identity_insert": True}] * 3 + [{}]))
        elif kind == "broken":
            event.update(r.choice([{"operation": "UPSERT"}, {"target_table": "dbo.Nowhere"}, {"metadata": "{nonsense"},
                                   {"source_table": "main.default.nowhere"}, {"operation": "UPDATE", "keys": []}]))
        elif kind == "empty":
            event.update(source_table="main.default.empty")
        elif kind == "dry":
            event.update(operation="UPDATE", metadata={"dry_run": True})
        if kind in ("heap", "insert", "number", "identity") and r.random() < 0.3:
            event["metadata"]["bulk"] = "direct"
        if kind != "broken" and r.random() < 0.2:
            event["metadata"]["table_lock"] = True
        return event

    def _some_ids(self, most):
        start = self.random.randint(0, 290)
        return {"id": list(range(start, start + self.random.randint(1, most)))}

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
        if event["target_table"] == "dbo.Heap":
            self.heap.extend(source)
            return len(source)
        if event["target_table"] == "dbo.Numbered":
            return self._number(source, event["metadata"])
        table = self.tables[event["target_table"].removeprefix("dbo.")]
        if event["operation"] == "DELETE":
            return self._delete(table, event, source)
        if event["operation"] == "INSERT":
            if event["metadata"].get("mode") != "upsert" and any(key in table for key, _ in source):
                raise Failed("2627")
            table.update(source)
            return len(source)
        hits = [(key, name) for key, name in source if key in table]
        if event["metadata"].get("dry_run"):
            return 0
        table.update(hits)
        return len(hits)

    def _number(self, source, metadata):
        if len(source[0]) == 1:
            self.numbered.extend(name for name, in source)
        elif not metadata.get("identity_insert"):
            raise Failed("Cannot insert explicit value for identity column")
        elif any(key in self.given for key, _ in source):
            raise Failed("2627")
        else:
            self.given.update(source)
        return len(source)

    def _delete(self, table, event, source):
        wanted = {key for key, _ in source} if source is not None else set(event["filter"]["id"])
        hits = [key for key in table if key in wanted]
        cascades = table is self.tables["Parent"]
        if cascades and not event["metadata"].get("allow_cascade"):
            raise Failed("allow_cascade")
        if len(hits) > LIMIT:
            raise Blocked("limit")
        for key in hits:
            del table[key]
        if cascades:
            self.children = {child: parent for child, parent in self.children.items() if parent not in hits}
        return len(hits)


def in_order(events):
    return sorted(events, key=lambda e: (-e["priority"], e["created"], e["event_id"]))
