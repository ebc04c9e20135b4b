"""The public API that rules are written against."""
