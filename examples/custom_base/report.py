"""Tells where it runs."""

import os
import sys

from tabulate import tabulate

rows = [("prefix", sys.prefix), ("base", sys.base_prefix), ("user", os.getuid())]
print(tabulate(rows, tablefmt="plain"))
