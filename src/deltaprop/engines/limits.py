"""The native engine's threads as threadpoolctl sees them: `threadpool_limits` limits, `threadpool_info` lists them.

https://github.com/joblib/threadpoolctl, "Writing a custom library controller".
"""

from __future__ import annotations

from threadpoolctl import LibController, register


class NativeThreads(LibController):  # type: ignore[misc]  # threadpoolctl has no types
    """The one pool of threads that all plans of this process share (native/src/support.cpp)."""

    user_api = internal_api = "deltaprop"
    filename_prefixes = ("_native",)
    check_symbols = ("deltaprop_get_num_threads", "deltaprop_set_num_threads")

    def get_num_threads(self) -> int:
        """How many threads work at once, at most."""
        return int(self.dynlib.deltaprop_get_num_threads())

    def set_num_threads(self, num_threads: int) -> None:
        """Limit them, also for plans made for more threads: the results have the same bits."""
        self.dynlib.deltaprop_set_num_threads(num_threads)

    def get_version(self) -> None:
        """None: the pool has no version of its own."""


register(NativeThreads)
