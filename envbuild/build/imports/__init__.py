"""Environments that other tools describe, as a target of BUILD.yaml."""
