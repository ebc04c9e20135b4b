"""Runs programs in an image's root, by namespaces of the kernel: no daemon, and no root needed."""
