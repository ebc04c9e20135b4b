"""One thread imports at a time, where several may begin to."""

from __future__ import annotations

from threading import RLock

IMPORTING = RLock()
"""Held by who imports in a thread of many.

Threads that import at the same time may wait for each other for ever: Python may collect garbage, and ask
for its locks of modules again, while it takes one.
"""
