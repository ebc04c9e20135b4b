"""A package of our own that needs one of conda's."""

import sys

import pandas as pd


def smooth(values: pd.Series, window: int = 3) -> pd.Series:
    """The rolling mean; at the beginning, of what there is."""
    return values.rolling(window, min_periods=1).mean()


def main() -> None:
    """Smooth the numbers of the command line."""
    print(*smooth(pd.Series(map(float, sys.argv[1:]), dtype=float)))
