"""Workers on this machine: who may talk to them, and whose settings they run by."""

import contextlib
import multiprocessing
import os
import signal
import socket
import ssl
from pathlib import Path

import dask
import pytest
from distributed.security import Security

from cte_lake.pipeline.dask import WorkerSettings, run_tasks
from cte_lake.pipeline.dask_nodes import local_cluster


def family():
    """This process and all that it has started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            # It has ended meanwhile.
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def ports(pids):
    """Ports on which some processes listen, read from the kernel's own table."""
    sockets = set()
    for link in (link for pid in pids for link in Path(f"/proc/{pid}/fd").glob("*")):
        # One may be closed between two looks at it.
        with contextlib.suppress(OSError):
            sockets.add(link.readlink().name)
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{os.getpid()}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                found.add(int(local.rpartition(":")[2], 16))
    return found


def answers(port, context):
    """Whether something behind a port goes on talking after the handshake."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as plain:
        try:
            with context.wrap_socket(plain) as wrapped:
                return bool(wrapped.recv(1))
        except (ssl.SSLError, ConnectionError, TimeoutError):
            return False


def speaks_http(port):
    """Whether a port answers a request that is not encrypted."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            return plain.recv(4) == b"HTTP"
        except (ConnectionError, TimeoutError):
            return False


def strangers():
    """Handshakes of a process without keys, and of one with keys of its own."""
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    other = Security.temporary().get_connection_args("client")["ssl_context"]
    other.check_hostname, other.verify_mode = False, ssl.CERT_NONE
    return nobody, other


def test_workers_take_orders_from_their_own_run_alone():
    key = "distributed.comm.timeouts.connect"
    # Servers that other tests have left in this process are none of the run's.
    before = ports(family())
    with dask.config.set({key: "7s"}):
        for done in run_tasks(dask.config.get, [key], WorkerSettings(1)):
            # The settings of whoever calls are not those of the run.
            assert (done.error, done.result) == (None, "30s")
            listening = ports(family()) - before
            # Scheduler, nanny and worker.
            assert len(listening) == 3
            for port in listening:
                assert not speaks_http(port)
                assert not any(answers(port, context) for context in strangers())
        assert dask.config.get(key) == "7s"


def blocked(pid):
    """Signals that a process does not hear."""
    words = (Path("/proc") / str(pid) / "status").read_text().split()
    mask = int(words[words.index("SigBlk:") + 1], 16)
    return {number for number in signal.valid_signals() if mask & (1 << (number - 1))}


def test_a_signal_while_workers_start_acts_when_they_have_and_leaves_none(monkeypatch):
    """Half started, a cluster went on to start workers while the command ended, and Python wrote of it."""
    before, heard, started = set(multiprocessing.active_children()), [], []

    def start(*arguments):
        signal.raise_signal(signal.SIGTERM)
        cluster = local_cluster(*arguments)
        started.extend(set(multiprocessing.active_children()) - before)
        heard.append(signal.SIGINT in blocked(started[0].pid) and signal.SIGHUP in blocked(started[0].pid))
        return cluster

    def stop(number, _frame):
        raise KeyboardInterrupt(number)

    monkeypatch.setattr("cte_lake.pipeline.dask_nodes.local_cluster", start)
    former = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(KeyboardInterrupt, match=str(int(signal.SIGTERM))):
            list(run_tasks(abs, [-1], WorkerSettings(1)))
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, former)
    # Ctrl-C in a terminal reaches all; this process ends them.
    assert heard == [True]
    assert len(started) == 1
    assert set(multiprocessing.active_children()) <= before
    assert not {signal.SIGINT, signal.SIGHUP} & signal.pthread_sigmask(signal.SIG_BLOCK, ())
