"""The lock file: what a target is made of, exactly, and whether that still satisfies its spec."""
