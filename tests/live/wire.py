# SPDX-License-Identifier: MIT
"""HTTP by the byte: requests as no client library would write them, answers read strictly.

    with Wire(daemon) as wire:
        wire.send(request("GET /livez"))
        answer = wire.answer()          # None where the server has closed instead
"""

import ctypes
import re
import socket
import ssl
import struct
import time

from harness import DEADLINE, Reply, end_sending


def request(line, *headers, body=b"", host="localhost", version="HTTP/1.1"):
    """Bytes of one request. Headers are whole lines, text or bytes; Host goes first unless None."""
    lines = [f"{line} {version}"] if isinstance(line, str) else [line]
    if host is not None:
        lines.append("Host: " + host)
    lines += headers
    raw = b"".join(one if isinstance(one, bytes) else one.encode("latin-1") + b"\r\n"
                   for one in lines)
    return raw + b"\r\n" + (body if isinstance(body, bytes) else body.encode())


def post(path, body, *headers, content_type="application/json"):
    body = body if isinstance(body, bytes) else body.encode()
    return request("POST " + path, f"Content-Type: {content_type}",
                   f"Content-Length: {len(body)}", *headers, body=body)


class Headers(dict):
    """By lower-case name; a name that stands twice has its values joined by a comma."""

    def add(self, name, value):
        name = name.lower()
        self[name] = self[name] + ", " + value if name in self else value

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)

    def __contains__(self, name):
        return super().__contains__(name.lower())


class Wire:
    def __init__(self, daemon, source=None, receive_buffer=None, timeout=DEADLINE):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect(daemon.address)
        self.data = b""
        self.closed = False
        self.began = time.monotonic()
        try:
            self.socket = daemon.wrap(self.socket)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        """False where the server has closed already."""
        try:
            if not self.closed:
                self.socket.sendall(data)
            return not self.closed
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False

    def _more(self):
        try:
            part = b"" if self.closed else self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            part = b""
        self.closed = self.closed or not part
        self.data += part
        return bool(part)

    def answer(self, method="GET"):
        """The next answer, strictly framed, interim ones too; None at the end of the connection."""
        while b"\r\n\r\n" not in self.data:
            if not self._more():
                assert self.data == b"", f"cut within a head: {self.data!r}"
                return None
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.[01] (\d{3}) [^\r\n]*", first)
        assert match, f"no status line: {first!r}"
        status, headers = int(match.group(1)), Headers()
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[A-Za-z0-9-]+", name), f"no header: {line!r}"
            headers.add(name, value.strip())
        length = 0
        if status >= 200 and status not in (204, 304) and method != "HEAD":
            assert headers["content-length"].isdigit(), headers
            length = int(headers["content-length"])
        while len(self.data) < length:
            assert self._more(), f"cut within a body: {self.data!r}"
        body, self.data = self.data[:length], self.data[length:]
        return Reply(status, headers, body, time.monotonic() - self.began)

    def everything(self, patience=DEADLINE, first=None):
        """All bytes until the server closes; after `patience` seconds of silence, or `first` before
        there are any, we say goodbye."""
        self.socket.settimeout(first or patience)
        try:
            while self._more():
                self.socket.settimeout(patience)
        except TimeoutError:
            end_sending(self.socket)
            self.socket.settimeout(DEADLINE)
            while self._more():
                pass
        return self.data

    def wait_closed(self):
        """Seconds from the connect until the server closed; what it sent before is dropped."""
        while not self.closed:
            self._more()
        return time.monotonic() - self.began


def ask(daemon, raw, **options):
    """Sends bytes on a connection of their own; the one answer, or None where it was closed."""
    with Wire(daemon, **options) as wire:
        wire.send(raw)
        return wire.answer()


def library_is_strict():
    """Whether libmicrohttpd refuses some of what is malformed before we see it: from 0.9.77 on."""
    library = ctypes.CDLL("libmicrohttpd.so.12")
    library.MHD_get_version.restype = ctypes.c_char_p
    return tuple(map(int, library.MHD_get_version().split(b"."))) >= (0, 9, 77)


def check_library_refusal(answer):
    """It knows neither problems nor our headers: 400 and the end, or the end alone."""
    if answer is not None:
        assert answer.status == 400 and "x-request-id" not in answer.headers, answer
        assert answer.headers["connection"].lower() == "close", answer.headers


def check_problem(answer, status, code):
    """RFC 9457 with the members of our contract, and a detail that says something."""
    assert answer is not None, "closed without an answer"
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer.headers
    body = answer.json
    assert body["status"] == status and body["code"] == code, answer
    assert body["type"] and body["title"] and len(body["detail"]) > 10, answer
    assert body["request_id"] == answer.headers["x-request-id"], answer
    extra = set(body) - {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert not extra, extra
    for error in body.get("errors", []):
        assert error["detail"] and (error.get("pointer", "") + "/").startswith("/"), answer
    assert code not in ("bad_json", "bad_body") or "pointer" in body["errors"][0], answer
    return body
