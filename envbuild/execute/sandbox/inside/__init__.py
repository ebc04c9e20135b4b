"""What runs in the child process that owns the namespaces: the standard library only, for a quick start."""
