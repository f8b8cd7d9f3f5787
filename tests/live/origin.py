# SPDX-License-Identifier: MIT
"""What loaders load from, and webhooks: an HTTP server whose answers the test decides, and which counts."""

import collections
import http.server
import threading


class Origin:
    """`answer(path)` -> bytes, a status, (status, bytes) or (status, bytes, headers); it may block."""

    def __init__(self, answer, port=0):
        self.answer = answer
        self.look = lambda handler: None  # sees each request, with `body` if it is a POST
        self.calls = collections.Counter()
        self.lock = threading.Lock()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.body = self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self):
                with origin.lock:
                    origin.calls[self.path] += 1
                origin.look(self)
                said = origin.answer(self.path)
                if isinstance(said, int):
                    said = said, b""
                status, body, headers = (*said, {})[:3] if isinstance(said, tuple) else (200, said, {})
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    if value is not None:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

            def handle_error(self, *args):
                pass  # a caller that hung up is no news

        self.server = Server(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def total(self):
        return sum(self.calls.values())

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
