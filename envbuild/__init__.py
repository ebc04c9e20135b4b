"""Reproducible environment images: locked, computed layer by layer, and content-addressed."""

__version__ = "0.1.0"
