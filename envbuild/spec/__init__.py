"""Workspace and build files: text with positions, checked against schemas, read into targets."""
