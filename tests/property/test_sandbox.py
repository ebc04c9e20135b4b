"""A step's layer on the layers below it is what the step left, whatever it did."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.makers.roots import Machine, make_busybox, require_sandbox

_NAMES = ("a", "b", "c")
_PATHS = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3).map(lambda parts: "/w/" + "/".join(parts))
_COMMANDS = st.one_of(
    st.builds("mkdir -p {}".format, _PATHS),
    st.builds("rm -rf {}".format, _PATHS),
    st.builds("echo {1} > {0}".format, _PATHS, st.sampled_from("12")),
    st.builds("ln -sfn {1} {0}".format, _PATHS, _PATHS),
    st.builds("ln {1} {0}".format, _PATHS, _PATHS),
    st.builds("mv {} {}".format, _PATHS, _PATHS),
    st.builds("cp -a {} {}".format, _PATHS, _PATHS),
    st.builds("chmod {1} {0}".format, _PATHS, st.sampled_from(["700", "755", "4755", "1777"])),
    st.builds("touch {}".format, _PATHS),
)
_SCRIPTS = st.lists(_COMMANDS, min_size=1, max_size=12).map(
    # What makes no sense fails, and the next goes on.
    lambda commands: "; ".join(["set +e; exec 2>/dev/null; mkdir -p /w", *commands, "true"])
)
# Every entry with its type, mode, owner, target, and content. Not the number of names: a file that is written
# anew with what it held before is no change, though it may have lost its other names.
_LOOK = (
    "find /w | sort | while read p; do s=$(stat -c '%f %u %g %N' $p); "
    'test -f $p -a ! -L $p && s="$s $(cat $p)"; '
    'test -d $p && s=$(stat -c "%f %u %g %n" $p); echo "$s"; done; true'
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """One for all examples."""
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def root() -> bytes:
    """The layer of a root with busybox."""
    require_sandbox()
    return make_busybox()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_SCRIPTS, _SCRIPTS)
def test_layers_on_each_other_are_what_the_steps_left(
    machine: Machine, root: bytes, first: str, second: str
) -> None:
    lower = machine.script([root], first)
    before = len(machine.lines)
    layer = machine.script([root, lower], f"{second}; {_LOOK}")
    left = machine.lines[before:]
    assert machine.tell([root, lower, layer], f"set +e; {_LOOK}") == left
    assert machine.script([root, lower, layer], "true") == machine.script([root], "true")
