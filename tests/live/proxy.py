# SPDX-License-Identifier: MIT
"""A proxy that does to a connection what networks do: delay, drip, cut, reset, lie, swallow.

    daemon -> proxy's Unix socket or TCP port -> the server's Unix socket
    daemon -> a TCP port for each server of a cluster, which it announces -> that server

Only what the server sends back is harmed; `mode` may be changed at any time and holds for what
comes next. Modes: "pass", "delay" (each piece waits), "drip" (a byte at a time), "garbage" (bytes
that are no RESP, then the end), "answer" (each small reply is replaced by those bytes, and the
connection stays), "swallow" (nothing comes back). `arm` cuts once: after so many bytes of replies, over all
connections, the one that has the last of them ends with FIN or, over TCP, with RST; `arm_behind`
does so where certain bytes have passed. `hold` stops a command on its way to the server until
`release`, so that a test may interfere between two round trips. `record` keeps the replies. One thread serves a connection both ways, so that closing it is instant.
"""

import os
import re
import select
import socket
import struct
import threading
import time

# What a reply without a body of lines begins with.
REPLY = re.compile(rb"^[-+:$*]", re.M)


class Proxy:
    def __init__(self, folder, upstream, name="proxy", tcp=False):
        self.path = os.path.join(folder, name + ".sock")
        upstreams = [upstream] if isinstance(upstream, str) else upstream.paths
        self.cluster = not isinstance(upstream, str)
        tcp = tcp or self.cluster
        self.mode = "pass"
        self.seconds = 0.0
        self.garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        self.connections = 0
        self.cuts = 0
        self.tape = None
        self.left = self.behind = None
        self.reset = False
        self.needle, self.skip = None, 0
        self.held = threading.Event()
        self.watched, self.sent = None, 0
        self.released = socket.socketpair()
        self.open = set()
        self.lock = threading.Lock()
        self.listeners = []
        for path in upstreams:
            listener = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
            listener.bind(("127.0.0.1", 0) if tcp else self.path)
            listener.listen(64)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, path), daemon=True).start()
        ports = [listener.getsockname()[1] for listener in self.listeners] if tcp else [None]
        self.port = ports[0]
        self.servers = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.upstream = upstream
        if self.cluster:
            upstream.announce(ports)

    @property
    def url(self):
        if self.cluster:
            return "redis+cluster://" + self.servers
        if self.port:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"unix://{self.path}?db=0"

    def record(self):
        """From now on the replies are kept; what came before is returned."""
        with self.lock:
            before, self.tape = self.tape, b""
        return before

    def arm(self, limit, reset=False):
        """One connection ends after `limit` more bytes; None disarms."""
        with self.lock:
            self.left, self.reset = limit, reset

    def arm_behind(self, text):
        """One connection ends as soon as `text` has passed."""
        with self.lock:
            self.behind, self.reset = text, False

    def hold(self, needle, skip=0):
        """What the daemon writes with `needle` in it waits for release(), `held` says when it does;
        the first `skip` such writes pass."""
        with self.lock:
            self.held.clear()
            self.needle, self.skip = needle, skip

    def count(self, needle):
        """From now on `sent` counts what the daemon writes with `needle` in it."""
        with self.lock:
            self.watched, self.sent = needle, 0

    def release(self):
        self.released[1].send(b".")

    def _holds(self, data):
        with self.lock:
            self.sent += self.watched is not None and self.watched in data
            if self.needle is None or self.needle not in data:
                return False
            if self.skip:
                self.skip -= 1
                return False
            self.needle = None
        self.held.set()
        return True

    def _accept(self, listener, upstream):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.socket(socket.AF_UNIX)
                server.connect(upstream)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client, server):
        sender, waiting = client, b""
        lossy = False  # a connection that lost a reply loses all behind it: they would answer others
        try:
            while True:
                ready, _, _ = select.select([sender, server], [], [])
                if sender in ready:
                    data = sender.recv(65536 if sender is client else 1)
                    if not data:
                        break
                    if sender is not client:
                        data, sender = waiting, client
                    elif self._holds(data):
                        sender, waiting = self.released[0], data
                        continue
                    server.sendall(data)
                if server in ready:
                    data = server.recv(65536)
                    lossy = lossy or self.mode == "swallow"
                    if not data or not (lossy or self._back(client, data)):
                        break
        except (OSError, ValueError):
            pass
        with self.lock:
            self.open -= {client, server}
        client.close()
        server.close()

    def _back(self, client, data):
        """Passes one piece of reply on; False ends the connection."""
        if self.mode in ("garbage", "answer"):
            answer = self.mode == "answer"
            client.sendall(self.garbage * (len(REPLY.findall(data)) if answer else 1))
            return answer
        if self.mode == "delay":
            time.sleep(self.seconds)
        with self.lock:
            if self.tape is not None:
                self.tape += data
            if self.behind is not None and self.behind in data:
                self.left = data.index(self.behind) + len(self.behind)
                self.behind = None
            cut = self.left is not None and len(data) >= self.left
            if cut:
                data, self.left = data[:self.left], None
                self.cuts += 1
            elif self.left is not None:
                self.left -= len(data)
        if self.mode == "drip":
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(self.seconds)
        else:
            client.sendall(data)
        if cut and self.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return not cut

    def drop(self):
        """Cuts every connection that is open now."""
        with self.lock:
            now = list(self.open)
        for one in now:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for listener in self.listeners:
            listener.close()
        self.drop()
        if self.cluster and self.upstream.unharmed:
            self.upstream.announce([node.port for node in self.upstream.all])
