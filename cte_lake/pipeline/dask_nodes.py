"""Scheduler and workers of a cluster on this machine: TLS with keys of the run's own, and no other port."""

from __future__ import annotations

from typing import Any

from distributed import Nanny, Scheduler, SpecCluster, Worker
from distributed.http.routing import RoutingApplication
from distributed.security import Security
from tornado.httpserver import HTTPServer

#: Only this machine's processes are talked to.
_HOST = "127.0.0.1"


class _Unheard:
    """A node without its pages: Dask's HTTP server listens without asking who comes."""

    def start_http_server(self, *_arguments: Any, **_settings: Any) -> None:
        """Make the server that Dask expects to stop later, and let it listen nowhere."""
        self.http_application: Any = RoutingApplication([])
        self.http_server: Any = HTTPServer(self.http_application)


class LocalScheduler(_Unheard, Scheduler):
    """The scheduler of a cluster on this machine."""


class LocalWorker(_Unheard, Worker):
    """A worker of a cluster on this machine."""


def local_cluster(n_workers: int, memory_limit: str, scratch: str, log_level: int) -> SpecCluster:
    """Start a scheduler and worker processes that take orders from this run alone.

    Each worker has one thread and a memory limit such as ``4GB``; what they write beside the lake goes to
    `scratch`.

    Returns
    -------
    distributed.SpecCluster
        To be used as a context. Certificate and key are made for it and live in memory; who does not hold
        them is refused at the TLS handshake.
    """
    security = Security.temporary()
    shared = {"host": _HOST, "protocol": "tls://", "security": security, "local_directory": scratch}
    worker = {
        "cls": Nanny,
        "options": shared
        | {
            "nthreads": 1,
            "memory_limit": memory_limit,
            "silence_logs": log_level,
            "worker_class": LocalWorker,
            "dashboard": False,
        },
    }
    return SpecCluster(
        scheduler={"cls": LocalScheduler, "options": shared | {"dashboard": False}},
        workers=dict.fromkeys(range(n_workers), worker),
        security=security,
        silence_logs=log_level,
    )
