"""Runs programs in an image's root as containers of a Docker engine, through its SDK."""
