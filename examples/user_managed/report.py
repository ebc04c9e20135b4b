"""A table, made by the packages that Debian has."""

import sys

from tabulate import tabulate

print(tabulate([["python", sys.executable], ["prefix", sys.prefix]], headers=["what", "where"]))
