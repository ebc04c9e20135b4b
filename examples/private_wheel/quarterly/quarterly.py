"""Print a small table: a stand-in for a library that no index has."""

from tabulate import tabulate


def main() -> None:
    """Print the table."""
    print(tabulate([["Q1", 120], ["Q2", 135]], headers=["quarter", "units"]))
