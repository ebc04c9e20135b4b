"""Print what to type after `make demo`: load the image, push it, change it."""

import json
import subprocess
import sys

target = sys.argv[1]
envbuild = f"{sys.prefix}/bin/envbuild"
report = json.loads(subprocess.check_output([envbuild, "build", target, "--output", "json"]))
image = report["targets"][0]["image"]
folder = target.removeprefix("//").partition(":")[0]
print(f"""
next, for example (`. .venv/bin/activate` first):

  envbuild build {target}                  # again: nothing to do
  envbuild load {target}                   # into Docker, then: docker run --rm {image}
  envbuild build {target} --push --registry localhost:5000
  echo tabulate >> {folder}/requirements.in        # change it, then:
  envbuild lock {target}                   # pin it; shows what moved
  envbuild build {target}                  # builds one layer
  envbuild aquery {target}                 # every step, with its digests""")
