"""A server that speaks S3 badly on purpose: alone, or at some requests to a store that works behind it.

It is a process of its own: `python misbehaving_store.py WAY [STORE EVERY AFTER UNTIL]`.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
_SETTINGS = b"lake_version = 1\n"


class _Badly(BaseHTTPRequestHandler):
    """Answers in the server's own bad way, or passes a request on to the store behind it."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server, number = self.server, next(self.server.numbers)
        bad = server.after <= number < server.until and (number - server.after) % server.every == 0
        getattr(self, server.way if bad else "passed_on")()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def passed_on(self) -> None:
        """Answer as the store behind does."""
        host = self.server.store.partition("//")[2]
        connection = http.client.HTTPConnection(host, timeout=120)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, self.sent or None, dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "content-length", "server", "date"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status: int, code: str) -> None:
        self.whole(status, _ERROR.format(code=code).encode())

    def whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def internal_error(self) -> None:
        self.error(500, "InternalError")

    def slow_down(self) -> None:
        self.error(503, "SlowDown")

    def expired(self) -> None:
        self.error(400, "ExpiredToken")

    def skewed_clock(self) -> None:
        self.error(403, "RequestTimeTooSkewed")

    def unknown_key(self) -> None:
        self.error(403, "InvalidAccessKeyId")

    def other_region(self) -> None:
        self.error(400, "AuthorizationHeaderMalformed")

    def cut(self) -> None:
        """Promise more than is sent, and hang up."""
        if self.command == "HEAD":
            self.hang_up()
            return
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(_SETTINGS)
            self.wfile.flush()
        self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def nonsense(self) -> None:
        self.whole(200, b"<html>Please log in to the guest network</html>")

    def silent(self) -> None:
        time.sleep(600)

    def slow(self) -> None:
        time.sleep(0.3)
        self.passed_on()

    def sluggish(self) -> None:
        """Answer shortly before clients give up."""
        time.sleep(10)
        self.passed_on()


@contextlib.contextmanager
def misbehaving_store(
    way: str, store: str = "", every: int = 1, after: int = 0, until: int = 10**9
) -> Iterator[str]:
    """Serve in one bad way, in front of a store at some of the requests alone; yields the address.

    Parameters
    ----------
    way : str
        Name of a method of `_Badly`.
    store : str
        Address of the store that the other requests are passed on to.
    every, after, until : int
        From the request `after` (from 0) to that before `until`, each of so many is answered badly.
    """
    line = [sys.executable, __file__, way, store, *map(str, (every, after, until))]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _serve(way: str, store: str, every: str, after: str, until: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Badly)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a client that has given up is no news
    server.way, server.store, server.numbers = way, store, itertools.count()
    server.every, server.after, server.until = int(every), int(after), int(until)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    # Whoever started it holds its input open.
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
