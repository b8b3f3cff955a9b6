# SPDX-License-Identifier: GPL-2.0
"""Processes that must not outlive the one that started them."""

import os
import signal


def end_with_us(processes):
    """
    When a signal ends this process, end those that are in the list by then. Without
    waiting for threads, which may be waiting for them.
    """
    def handler(number, _frame):
        for process in processes:
            if process.poll() is None:
                process.terminate()
        os._exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)
