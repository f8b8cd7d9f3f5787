# SPDX-License-Identifier: MIT
"""The Python client of docs/examples, and what its tests share."""

import http.server
import os
import sys
import threading

from harness import DEADLINE, open_config
from test_library import ROOT

EXAMPLES = os.path.join(ROOT, "docs", "examples")
sys.path.insert(0, EXAMPLES)
import cachewarden  # noqa: E402  (its folder is none of the tests')

__all__ = ["EXAMPLES", "ROOT", "Meeting", "Origin", "cachewarden", "client_config", "url_of"]


def client_config(redis, extra=""):
    return open_config(redis, extra).replace("warm, operate]", "warm, operate, sessions]")


def url_of(daemon):
    return "http%s://%s:%d" % ("s" if daemon.tls else "", *daemon.address)


class Meeting:
    """A function under test stops in stop() until the test has seen it and lets it go."""

    def __init__(self):
        self.arrived, self.going = threading.Semaphore(0), threading.Event()

    def stop(self):
        self.arrived.release()
        assert self.going.wait(DEADLINE)

    def wait(self):
        assert self.arrived.acquire(timeout=DEADLINE)

    def let_go(self):
        self.going.set()


class Origin:
    """A server in the daemon's place that answers as the test says and counts its connections."""

    def __init__(self, answer):
        origin = self
        self.connections, self.requests = 0, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = DEADLINE

            def setup(self):
                origin.connections += 1
                super().setup()

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                origin.requests.append((self.command, self.path, body))
                answer(self, len(origin.requests))

            def do_GET(self):
                self.any()

            def do_PUT(self):
                self.any()

            def do_POST(self):
                self.any()

            def say(self, status, body=b"", **headers):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
