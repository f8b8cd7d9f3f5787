# SPDX-License-Identifier: MIT
"""A proxy that does to a connection what networks do: delay, drip, cut, reset, lie, swallow.

    daemon -> proxy's Unix socket or TCP port -> the server's Unix socket
    daemon -> a TCP port for each server of a cluster, which it announces -> that server
    daemon -> TLS -> a TCP port -> the Unix socket of a server that shows the same certificate

Only what the server sends back is harmed; `mode` may be changed at any time and holds for what
comes next. Modes: "pass", "delay" (each piece waits), "drip" (a byte at a time), "garbage" (bytes
that are no RESP, then the end), "answer" (each small reply is replaced by those bytes, and the
connection stays), "swallow" (nothing comes back). `arm` cuts once: after so many bytes of replies, over all
connections, the one that has the last of them ends with FIN or, over TCP, with RST; `arm_behind`
does so where certain bytes have passed. `hold` stops a command on its way to the server until
`release`, so that a test may interfere between two round trips. `record` keeps the replies. One thread serves a connection both ways, so that closing it is instant.

With TLS `hold`, `arm`, `record` and "answer" see what is inside; a cut leaves half a record behind it.
Bytes drip as they are on their way, and "garbage" is no record. What TLS itself sends is harmed as
replies are; `arm_greeting` cuts one handshake.
"""

import os
import re
import select
import socket
import ssl
import struct
import threading
import time

from harness import SETTINGS

# What a reply without a body of lines begins with.
REPLY = re.compile(rb"^[-+:$*]", re.M)


class Plain:
    """A client's connection without TLS."""

    def __init__(self, connection):
        self.socket = connection

    def fileno(self):
        return self.socket.fileno()

    @staticmethod
    def take(data):
        """What the client's bytes say to Redis, and what they are answered without it."""
        return data, b""

    @staticmethod
    def seal(data):
        """What goes over the network for it."""
        return data

    @staticmethod
    def torn(_rest):
        """What still goes over the network of what is behind a cut."""
        return b""

    def sendall(self, data):
        self.socket.sendall(self.seal(data))


class Sealed(Plain):
    """One with TLS."""

    def __init__(self, connection, context):
        super().__init__(connection)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def take(self, data):
        text = b""
        self.incoming.write(data)
        try:
            self.session.do_handshake()
            while part := self.session.read(65536):
                text += part
        except ssl.SSLWantReadError:
            pass
        return text, self.outgoing.read()

    def seal(self, data):
        if data:
            self.session.write(data)
        return self.outgoing.read()

    def torn(self, rest):
        record = self.seal(rest or b"+OK\r\n")
        return record[:len(record) // 2]


class Proxy:
    def __init__(self, folder, upstream, name="proxy", tcp=False):
        """In front of a test's Redis, or of a Unix socket's path."""
        self.path = os.path.join(folder, name + ".sock")
        self.upstream = upstream if isinstance(upstream, str) else upstream.path
        self.cluster = not isinstance(self.upstream, str)
        upstreams = self.upstream.paths if self.cluster else [self.upstream]
        self.tls = None
        authority, certificate = getattr(upstream, "shown", (None, None))
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        tcp = tcp or self.cluster or self.tls is not None
        self.mode = "pass"
        self.seconds = 0.0
        self.garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        self.connections = 0
        self.cuts = 0
        self.tape = None
        self.left = self.behind = self.greeting = None
        self.reset, self.greeted = False, 0
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
        if self.cluster:
            self.upstream.announce(ports)
        if self.tls:
            SETTINGS[self.url] = f'tls: {{ca: "{authority.certificate}"}}'

    @property
    def url(self):
        if self.cluster:
            return "redis+cluster://" + self.servers
        if self.tls:
            return f"rediss://localhost:{self.port}/0"
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

    def arm_greeting(self, limit, reset=False):
        """One handshake ends after so many bytes of the server's; None disarms. `greeted` is how many
        the longest write of one had since it was 0."""
        with self.lock:
            self.greeting, self.reset = limit, reset

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
            end = Sealed(client, self.tls) if self.tls else Plain(client)
            threading.Thread(target=self._serve, args=(end, server), daemon=True).start()

    def _serve(self, client, server):
        sender, waiting = client, b""
        lossy = False  # a connection that lost a reply loses all behind it: they would answer others
        try:
            while True:
                ready, _, _ = select.select([sender, server], [], [])
                if sender in ready:
                    if sender is client:
                        data = client.socket.recv(65536)
                        if not data:
                            break
                        data, answer = client.take(data)
                        if answer and not self._greet(client, answer):
                            break
                        if self._holds(data):
                            sender, waiting = self.released[0], data
                            continue
                    else:
                        sender.recv(1)
                        data, sender = waiting, client
                    server.sendall(data)
                if server in ready:
                    data = server.recv(65536)
                    lossy = lossy or self.mode == "swallow"
                    if not data or not (lossy or self._back(client, data)):
                        break
        except (OSError, ValueError):
            pass
        server.close()
        self._hang_up(client.socket)
        with self.lock:
            self.open -= {client.socket, server}
        client.socket.close()

    def _hang_up(self, client):
        """What was sent before arrives: a close with bytes that nobody has read is a reset, and that takes
        what was sent along."""
        if self.reset:
            return
        try:
            client.shutdown(socket.SHUT_WR)
            client.settimeout(1)
            while client.recv(65536):
                pass
        except OSError:
            pass

    def _greet(self, client, data):
        """Passes on what TLS answers by itself; False ends the connection."""
        if self.mode == "garbage":
            self._send(client, self.garbage, True)
            return False
        if self.mode == "swallow":
            return True
        with self.lock:
            self.greeted = max(self.greeted, len(data))
            cut = self.greeting is not None and len(data) >= self.greeting
            if cut:
                data, self.greeting = data[:self.greeting], None
                self.cuts += 1
            elif self.greeting is not None:
                self.greeting -= len(data)
        self._send(client, data, cut)
        return not cut

    def _back(self, client, data):
        """Passes one piece of reply on; False ends the connection."""
        if self.mode == "garbage":
            client.socket.sendall(self.garbage)
            return False
        if self.mode == "answer":
            client.sendall(self.garbage * len(REPLY.findall(data)))
            return True
        rest = b""
        with self.lock:
            if self.tape is not None:
                self.tape += data
            if self.behind is not None and self.behind in data:
                self.left = data.index(self.behind) + len(self.behind)
                self.behind = None
            cut = self.left is not None and len(data) >= self.left
            if cut:
                data, rest, self.left = data[:self.left], data[self.left:], None
                self.cuts += 1
            elif self.left is not None:
                self.left -= len(data)
        data = client.seal(data)
        self._send(client, data + client.torn(rest) if cut else data, cut)
        return not cut

    def _send(self, client, data, last):
        """Bytes as they are on their way; the last of a connection may be followed by RST."""
        if self.mode == "delay":
            time.sleep(self.seconds)
        for piece in ([data[i:i + 1] for i in range(len(data))] if self.mode == "drip" else [data]):
            client.socket.sendall(piece)
            if self.mode == "drip":
                time.sleep(self.seconds)
        if last and self.reset:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

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
