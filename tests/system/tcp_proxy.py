"""A TCP proxy that keeps what passes, and can break connections."""

import socket
import threading


class TcpProxy:
    """Listens at `listen`; the first `cuts` connections break after that many bytes of answers. `sent` and `answered` hold all bytes."""

    def __init__(self, host, port, listen="127.0.0.1", cuts=0, after=0):
        self.target, self.cuts, self.after = (host, int(port)), cuts, after
        self.connections = 0
        self.sent, self.answered = bytearray(), bytearray()
        self.listener = socket.create_server((listen, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            limit = self.after if self.connections <= self.cuts else None
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._copy, args=(client, server, self.sent, None), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, self.answered, limit), daemon=True).start()

    @staticmethod
    def _copy(source, sink, record, limit):
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if limit is not None and passed > limit:
                    break
                record += data
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        # A thread that waits in accept() would keep the socket open.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
