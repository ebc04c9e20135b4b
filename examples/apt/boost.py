"""Fits a line with trees."""

import lightgbm
import numpy

line = numpy.arange(100.0)
booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(line.reshape(-1, 1), line))
first, last = booster.predict([[0.0], [99.0]])
print(f"from {first:.0f} to {last:.0f}")
