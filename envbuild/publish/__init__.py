"""Finished images: into the store's layouts, to a registry, into archives and engines."""
