"""A server that speaks S3 badly on purpose: one way of going wrong for each test."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
_SETTINGS = b"lake_version = 1\n"


class _Badly(BaseHTTPRequestHandler):
    """Answers every request in the server's own bad way."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        getattr(self, self.server.way)()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""

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
        self.close_connection = True
        self.connection.close()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def nonsense(self) -> None:
        self.whole(200, b"<html>Please log in to the guest network</html>")

    def silent(self) -> None:
        time.sleep(600)


@contextlib.contextmanager
def misbehaving_store(way: str) -> Iterator[str]:
    """Serve in one bad way; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Badly)
    server.daemon_threads = True
    server.way = way
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
