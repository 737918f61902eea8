"""What the processes cost that a benchmark starts: CPU seconds and memory, of all and of the largest."""

from __future__ import annotations

import re
import resource
import threading
from pathlib import Path

import psutil


class Children:
    """CPU seconds of this process's children, and their largest resident memory, MB, alone and together."""

    def __init__(self) -> None:
        self.cpu = self._cpu_now()
        self.children = self.largest_child = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Children:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.cpu = self._cpu_now() - self.cpu

    @staticmethod
    def _cpu_now() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.1):
            sizes = []
            for child in me.children(recursive=True):
                try:
                    sizes.append(child.memory_info().rss / 1e6)
                except psutil.Error:
                    continue
            self.children = max(self.children, sum(sizes))
            self.largest_child = max(self.largest_child, max(sizes, default=0.0))


def peak_megabytes() -> float:
    """Return the largest resident memory of this process, MB.

    From /proc, not from getrusage: there, a process begins with the peak of the one that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if not found:
        raise OSError("/proc/self/status does not say the largest memory (VmHWM)")
    return int(found[1]) / 1024
