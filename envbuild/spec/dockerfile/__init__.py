"""Dockerfiles: read by BuildKit's own parser, checked, and split into stages."""
