"""Commands as functions: lock, build, publish, and what they report."""
