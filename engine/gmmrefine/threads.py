"""How many CPU threads this process may use, for FFTs, searches and batches side by side."""

import os

_chosen = 0


def use_threads(count: int) -> None:
    """Limit the threads of this process; 0 takes all."""
    global _chosen
    _chosen = count


def thread_count() -> int:
    """CPU threads to use."""
    if _chosen:
        return _chosen
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
