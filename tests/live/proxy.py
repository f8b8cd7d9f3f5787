# SPDX-License-Identifier: MIT
"""A proxy that does to a connection what networks do: delay, drip, cut, reset, lie, swallow.

    daemon -> proxy's Unix socket -> the server's Unix socket

Only what the server sends back is harmed; `mode` may be changed at any time and holds for what
comes next. Modes: "pass", "delay" (each piece waits), "drip" (a byte at a time), "cut" (FIN after
`limit` bytes of replies), "reset" (the same with pending data unread, which Unix sockets report as
a reset), "garbage" (bytes that are no RESP), "swallow" (nothing comes back).
"""

import os
import socket
import threading
import time


class Proxy:
    def __init__(self, folder, upstream, name="proxy"):
        self.path = os.path.join(folder, name + ".sock")
        self.upstream = upstream
        self.mode = "pass"
        self.limit = 0
        self.seconds = 0.0
        self.garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        self.connections = 0
        self.open = set()
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"unix://{self.path}?db=0"

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.upstream)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()

    def _forward(self, client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        self._end(client, server)

    def _back(self, server, client):
        passed = 0
        try:
            while data := server.recv(65536):
                passed = self._harm(client, data, passed)
                if passed is None:
                    break
        except OSError:
            pass
        self._end(client, server)

    def _harm(self, client, data, passed):
        """Passes one piece on in the way of the mode; None ends the connection."""
        mode = self.mode
        if mode == "swallow":
            return passed
        if mode == "garbage":
            client.sendall(self.garbage)
            return None
        if mode == "delay":
            time.sleep(self.seconds)
        if mode in ("cut", "reset"):
            rest = self.limit - passed
            client.sendall(data[:max(rest, 0)])
            return None if len(data) >= rest else passed + len(data)
        if mode == "drip":
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(self.seconds)
        else:
            client.sendall(data)
        return passed + len(data)

    def _end(self, *sockets):
        for one in sockets:
            with self.lock:
                self.open.discard(one)
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def drop(self):
        """Cuts every connection that is open now."""
        with self.lock:
            now = list(self.open)
        self._end(*now)

    def close(self):
        self.listener.close()
        self.drop()
