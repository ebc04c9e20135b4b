"""Executors: run actions on the store; wrappers cache, merge, bound and fetch."""
