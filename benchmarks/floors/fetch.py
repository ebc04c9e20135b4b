"""What a build does to fetch its packages, and nothing else.

Run as `fetch.py TARGET CACHE` in a workspace: the locked wheels of the target get into the empty store.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from envbuild.app import open_app
from envbuild.build.plan import find_artifacts
from envbuild.options import Options
from envbuild.rule.declared import walk

PARALLEL = 32  # as the program has it

if __name__ == "__main__":
    options = Options(
        workspace=None,
        cache_dir=Path(sys.argv[2]),
        registry="",
        output="text",
        events=None,
        profile=None,
        color="never",
        quiet=True,
        verbose=False,
    )
    with open_app(options) as app, ThreadPoolExecutor(PARALLEL) as threads:
        (target,) = app.project.configure([sys.argv[1]])
        artifacts = find_artifacts(walk(target.action)).values()
        largest_first = sorted(artifacts, key=lambda each: -each.size)  # as the scheduler has it
        list(threads.map(app.supply.fetch, (each for each in largest_first if each.kind == "wheel")))
