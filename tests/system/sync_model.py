"""What a list of events must make of tables and statuses, worked out without a line of the product.

A model of a few tables as dictionaries and lists, applied in the order that the documentation promises: by priority
(highest first), then created_at, then event_id.
"""

import json
import random

LIMIT = 25  # rows that a DELETE may take
WEB_LIMIT = 5  # those of the user who sends events over HTTP


class Failed(Exception):
    """The event fails with a message that holds these words; nothing changes."""


class Blocked(Failed):
    """The event is held back by the limit."""


KINDS = ["heap"] * 3 + ["insert"] * 2 + ["update"] * 2 + ["upsert", "delete", "delete_source", "cascade", "number", "identity",
                                                          "broken", "empty", "dry", "later"]
WEB_KINDS = ["heap"] * 2 + ["insert"] * 2 + ["update", "upsert", "delete", "delete", "number", "empty", "dry"]
UNORDERED = ("dbo.Heap", "dbo.Nowhere")  # tables to which the order of events is all one


class World:
    """Sources in Databricks and targets in SQL Server, before and after."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.heap = []  # dbo.Heap(n int, tag nvarchar(20)): no key, so that a row applied twice would show
        old = {i: f"old {i}" for i in range(200)}
        # (id int primary key, name nvarchar(20)); only events over HTTP go to Web
        self.tables = {"Keyed": dict(old), "Other": dict(old), "Parent": dict(old), "Web": dict(old)}
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
        self.ledger = {}  # event_id: what was asked for, and (status, rows affected)

    def events(self, numbers):
        """Rows for the events table, and events to send over HTTP."""
        return ([row for number in numbers if number % 8 for row in self._rows(number)],
                [self._web_event(number) for number in numbers if number % 8 == 0])

    def _rows(self, number):
        """The rows that an author writes under one id: mostly one, now and then the same once more, or another."""
        event = self._event(f"e{number:05}", self.random.choice(KINDS), self.random.choice(["dbo.Keyed", "dbo.Other"]), number // 3)
        dice = self.random.random()
        if dice < 0.05:
            return [event, dict(event)]
        if dice < 0.10:
            first = {**event, "operation": "INSERT", "source_table": "main.default.h0", "target_table": "dbo.Heap", "keys": [],
                     "filter": None, "metadata": {}, "priority": 5}
            other = self.random.choice([{"source_table": "main.default.h1"}, {"metadata": {"note": "other"}}, {"keys": ["n"]}])
            return [first, {**first, **other, "priority": self.random.randint(0, 4)}]
        return [event]

    def _web_event(self, number):
        """What is sent over HTTP, one after the other; some is taken back at once, if it goes."""
        event = self._event(f"ew{number:05}", self.random.choice(WEB_KINDS), "dbo.Web", number)
        return {**event, "priority": 0, "limit": WEB_LIMIT, "cancel": self.random.random() < 0.25}

    def _event(self, event_id, kind, table, created):
        """A random event as a dictionary of columns."""
        r = self.random
        keyed = r.choice([name for name in self.sources if name.startswith("k")])
        event = {
            "event_id": event_id,
            "operation": "INSERT",
            "source_table": f"main.default.{keyed}",
            "target_table": table,
            "keys": ["id"],
            "priority": r.randint(0, 5),
            "created": created,  # seconds; some are equal
            "filter": None,
            "metadata": {},
        }
        if kind == "heap":
            event.update(source_table=f"main.default.h{r.randint(0, 9)}", target_table="dbo.Heap", keys=[])
        elif kind == "update":
            event.update(operation="UPDATE")
        elif kind == "upsert":
            event.update(target_table=r.choice([table, table, "dbo.Parent"]) if table != "dbo.Web" else table, metadata={"mode": "upsert"})
        elif kind == "delete":
            event.update(operation="DELETE", source_table="", filter=r.choice([self._some_ids(40), {"id": r.randint(0, 299)}]))
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
        elif kind == "later":  # its source is made when it has failed
            event.update(source_table=f"main.default.{r.choice('lm')}{created // 10}", target_table="dbo.Heap", keys=[])
        if kind in ("heap", "insert", "number", "identity") and r.random() < 0.3:
            event["metadata"]["bulk"] = "direct"
        if kind != "broken" and r.random() < 0.2:
            event["metadata"]["table_lock"] = True
        return event

    def _some_ids(self, most):
        start = self.random.randint(0, 290)
        return {"id": list(range(start, start + self.random.randint(1, most)))}

    def make_later(self, name):
        """The rows of a source that was missing."""
        self.sources[name] = [(self.random.randint(1000, 9999), name) for _ in range(self.random.randint(1, 5))]
        return self.sources[name]

    def to_retry(self, events):
        """Some of the events that did not happen, of each table but one, so that it is all one in which order they come."""
        ids = [event["event_id"] for event in events]
        ended = [event for event in events if event["event_id"] in self.ledger and ids.count(event["event_id"]) == 1
                 and self.ledger[event["event_id"]][1][0] != "completed"]
        chosen = {}
        for event in self.random.sample(ended, len(ended)):
            table = event["target_table"]
            chosen.setdefault(event["event_id"] if table in UNORDERED else table, event)
        return list(chosen.values())

    # ---- applying ----

    def outcome(self, event, mishap=False):
        """(status, rows affected) that the row shows in the end; changes the tables as the event must. mishap: SQL Server failed it
        by a defect of its own, so that nothing may have changed."""
        asked = json.dumps({**event, "priority": None, "created": None}, sort_keys=True)
        before, result = self.ledger.get(event["event_id"], (None, ("none", 0)))
        if result[0] == "completed":
            return result if asked == before else ("failed", 0)
        try:
            result = ("failed", 0) if mishap else ("completed", self._apply(event))
        except Blocked:
            result = "blocked", 0
        except Failed:
            result = "failed", 0
        self.ledger[event["event_id"]] = asked, result
        return result

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
        ids = event["filter"]["id"] if source is None else [key for key, _ in source]
        wanted = set(ids if isinstance(ids, list) else [ids])
        hits = [key for key in table if key in wanted]
        cascades = table is self.tables["Parent"]
        if cascades and not event["metadata"].get("allow_cascade"):
            raise Failed("allow_cascade")
        if len(hits) > event.get("limit", LIMIT):
            raise Blocked("limit")
        for key in hits:
            del table[key]
        if cascades:
            self.children = {child: parent for child, parent in self.children.items() if parent not in hits}
        return len(hits)


def in_order(events):
    return sorted(events, key=lambda e: (-e["priority"], e["created"], e["event_id"]))
