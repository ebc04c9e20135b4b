"""The program that builds a wheel inside of the sandbox, with the target's own Python, from 3.8 on.

It is in the key of every step that runs it: a change builds all sdists again.
"""

from __future__ import annotations

from typing import Final

PLACE: Final = ".build"  # a folder of its own at the root's top: no base has it
WHEEL_FOLDER: Final = f"{PLACE}/wheel"

# The hook that tells of further requirements may change what is imported, so it runs in another process
# (PEP 517). Only what is in the folder of the wheel is taken from what is left.
PROGRAM: Final = """\
import importlib
import importlib.metadata
import os
import re
import shutil
import stat
import sys
import tarfile
import traceback
import zipfile

PLACE = sys.argv[1]


def main(sdist, backend, *path):
    os.umask(0o022)
    del sys.path[0]
    for name in ("home", "tmp", "work", "made"):
        os.makedirs(os.path.join(PLACE, name))
    os.chdir(unpack(sdist))
    sys.path[:0] = [os.path.abspath(each) for each in path]
    hooks = load(backend)
    if not run_apart(lambda: has_all(hooks)):
        sys.exit(1)
    made = os.path.join(PLACE, "made")
    name = hooks.build_wheel(made)
    place(os.path.join(made, os.path.basename(name)))
    os.chdir("/")
    for name in ("home", "tmp", "work", "made"):
        shutil.rmtree(os.path.join(PLACE, name))


def unpack(sdist):
    work = os.path.join(PLACE, "work")
    with tarfile.open(sdist) as archive:
        for entry in archive.getmembers():
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
        if hasattr(tarfile, "tar_filter"):
            archive.extraction_filter = tarfile.tar_filter
        archive.extractall(work)
    (folder,) = os.listdir(work)
    return os.path.join(work, folder)


def load(backend):
    module, _, attributes = backend.partition(":")
    found = importlib.import_module(module)
    for name in filter(None, attributes.split(".")):
        found = getattr(found, name)
    return found


def run_apart(check):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if check() else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def has_all(hooks):
    asked = getattr(hooks, "get_requires_for_build_wheel", list)()
    missing = [each for each in asked if not is_there(each)]
    for each in missing:
        print("its backend also requires `%s`, which its pyproject.toml does not state" % each)
    return not missing


def is_there(requirement):
    try:
        importlib.metadata.distribution(re.match(r"[A-Za-z0-9._-]+", requirement.strip())[0])
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def place(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, os.path.join(PLACE, "wheel"))
            if not entry.is_dir():
                mode = entry.external_attr >> 16
                os.chmod(path, 0o755 if stat.S_ISREG(mode) and mode & 0o111 else 0o644)


main(*sys.argv[2:])
"""
