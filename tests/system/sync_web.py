"""An author who uses the service's HTTP API while it is killed: nothing is taken for granted until it has answered."""

import http.client
import json
import threading
import time

from service import token_of


class Web:
    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, user="author"):
        """(status, body); status None: the answer didn't come, whatever was done."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"Authorization": f"Bearer {token_of(user)}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except (OSError, http.client.HTTPException) as problem:
            return None, repr(problem)
        finally:
            connection.close()

    def insist(self, method, path, done, repeated, body=None, user="author"):
        """Asks until it is answered with `done` or, where an earlier answer may have been lost, `repeated` (statuses).
        Returns the status."""
        unsure = False
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            status, said = self.ask(method, path, body, user)
            if status in done or (unsure and status in repeated):
                return status
            busy = status == 429 or (status == 409 and any(words in said for words in ("at this moment", "is being carried out", "written anew")))
            assert status is None or status >= 500 or busy, f"{method} {path}: {status} {said}"
            unsure = unsure or status is None or status >= 500
            time.sleep(0.1)
        raise AssertionError(f"{method} {path}: no answer")

    def put_back(self, event_id):
        """A retry; 400: it is waiting already, or has ended."""
        self.insist("POST", f"/sync/events/{event_id}/retry", (200,), (400,), user="admin")

    def author(self, events):
        author = Author(self, events)
        author.start()
        return author


class Author(threading.Thread):
    """Sends events one after the other, and takes some of them back."""

    def __init__(self, web, events):
        super().__init__(daemon=True)
        self.web, self.events = web, events
        self.cancelled = set()
        self.problem = None

    def run(self):
        try:
            for event in self.events:
                self._send(event)
                if event["cancel"]:
                    self._take_back(event["event_id"])
        except AssertionError as problem:
            self.problem = problem

    def has_ended(self):
        ended = not self.is_alive()
        assert self.problem is None, self.problem
        return ended

    def _send(self, event):
        body = {"event_id": event["event_id"], "operation": event["operation"], "source_table": event["source_table"],
                "target_table": event["target_table"], "primary_keys": event["keys"], "priority": event["priority"],
                "filter_conditions": event["filter"], "metadata": event["metadata"] or None}
        self.web.insist("POST", "/sync/events", (202,), (409,), body)

    def _take_back(self, event_id):
        """400: somebody is at it, or it has ended."""
        if self.web.insist("DELETE", f"/sync/events/{event_id}", (204, 400), (404,)) != 400:
            self.cancelled.add(event_id)
