# SPDX-License-Identifier: MIT
"""What the servers that tests invent have in common."""

import socket
import threading


class FakeServer:
    """Listens on a free port; a thread a connection runs serve(connection) of the subclass."""

    def __init__(self):
        self.open = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def name(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                self.open.add(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            self.serve(connection)
        except (OSError, ValueError, TypeError):  # it was closed, perhaps within a command
            pass
        with self.lock:
            self.open.discard(connection)
        connection.close()

    def close(self):
        with self.lock:
            for each in (self.listener, *self.open):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other side was faster
                    pass
        self.listener.close()
