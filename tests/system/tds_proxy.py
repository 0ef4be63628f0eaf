"""A TCP proxy in front of a SQL Server that knows where requests begin: it counts them, holds them back, and cuts connections where it hurts."""

import collections
import random
import socket
import threading
import time

ATTENTION, TRANSACTION_REQUEST, COMMIT = 0x06, 0x0E, 7
ALL_HEADERS = 22


def wait_for(seconds):
    """As exactly as it goes: a sleep alone takes a third of a millisecond more."""
    end = time.perf_counter() + seconds
    time.sleep(max(seconds - 0.0005, 0))
    while time.perf_counter() < end:
        pass


class Proxy:
    """Listens on loopback. Connections are cut at random: before a COMMIT goes out, behind it (the server carries it out,
    its answer is lost), and at any other packet of the client."""

    def __init__(self, host, port, seed=1, commit_cuts=0.0, other_cuts=0.0):
        self.target = (host, port)
        self.random = random.Random(seed)
        self.commit_cuts, self.other_cuts = commit_cuts, other_cuts
        self.cut_before = self.cut_behind = self.cut_other = 0
        self.delay = 0.0  # of each request, in seconds
        self.packets = collections.Counter()  # of the client's, by type
        self.swallowed = set()  # types that never reach the server
        self.hold = lambda packet: None  # called before a packet goes out; may wait
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.stopping = True
        self.listener.close()

    def _accept(self):
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            threading.Thread(target=self._requests, args=pair, daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    @staticmethod
    def _close(*sockets):
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    @staticmethod
    def _exactly(s, size):
        data = b""
        while len(data) < size:
            piece = s.recv(size - len(data))
            if not piece:
                raise OSError("closed")
            data += piece
        return data

    def _packet(self, client):
        """One packet of the client, or one TLS record of a login."""
        head = self._exactly(client, 8)
        if head[0] in (0x14, 0x15, 0x16, 0x17) and head[1] == 3:
            size = 5 + int.from_bytes(head[3:5], "big")
        else:
            size = int.from_bytes(head[2:4], "big")
        return head + self._exactly(client, size - 8)

    @staticmethod
    def is_commit(packet):
        return packet[0] == TRANSACTION_REQUEST and packet[8 + ALL_HEADERS] == COMMIT

    def _requests(self, client, server):
        try:
            while True:
                packet = self._packet(client)
                self.hold(packet)
                self.packets[packet[0]] += 1
                if packet[0] in self.swallowed:
                    continue
                if self.delay:
                    wait_for(self.delay)
                if self.is_commit(packet) and self.random.random() < self.commit_cuts:
                    if self.random.random() < 0.5:
                        self.cut_before += 1
                    else:
                        # The client is gone before the answer comes; the server carries the request out.
                        self.cut_behind += 1
                        self._close(client)
                        server.sendall(packet)
                        time.sleep(0.2)
                    break
                if self.random.random() < self.other_cuts:
                    self.cut_other += 1
                    break
                server.sendall(packet)
        except OSError:
            pass
        self._close(client, server)

    def _answers(self, server, client):
        try:
            while True:
                data = server.recv(65536)
                if not data:
                    break
                client.sendall(data)
        except OSError:
            pass
        self._close(client, server)
