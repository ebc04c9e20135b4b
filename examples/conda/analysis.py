"""Uses what came from a channel, from the Python index, and from a wheel of one's own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from rolling import smooth

days = pd.date_range("2026-03-27", periods=5, tz=ZoneInfo("Europe/Rome"))
measured = pd.DataFrame({"measured": np.arange(5.0) ** 2}, index=days)
measured["smoothed"] = smooth(measured["measured"])
print(measured.to_markdown(index=False))

records = [json.loads(path.read_bytes()) for path in Path(sys.prefix, "conda-meta").glob("*.json")]
versions = {record["name"]: record["version"] for record in records}
print("python", versions["python"], "of", len(versions), "conda packages in", sys.prefix)
print("activated", os.environ["CONDA_PREFIX"], os.environ["OMP_NUM_THREADS"])
# This program finds its libraries by the prefix that is written into it.
print(subprocess.run(["openssl", "version"], check=True, capture_output=True, text=True).stdout, end="")
