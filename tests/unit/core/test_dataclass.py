"""Our `dataclass` does what the standard library's does: each case is tried with both."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from envbuild.core.dataclass import dataclass
from envbuild.core.dataclass import field as stated
from envbuild.core.dataclass import replace as replace_ours

BOTH = pytest.mark.parametrize("decorate", [dataclass, dataclasses.dataclass], ids=["ours", "theirs"])
Decorator = Callable[..., Callable[[type], Any]]


def make(decorate: Decorator, **options: bool) -> Any:
    """A class with a field of each kind."""

    @decorate(frozen=True, slots=True, **options)
    class Thing:
        """A thing."""

        name: str
        size: int = 3
        secret: str = field(repr=False, default="hidden")
        notes: list[str] = field(compare=False, default_factory=list)

    return Thing


@BOTH
def test_making(decorate: Decorator) -> None:
    thing = make(decorate)
    one, two = thing("a"), thing(name="b", size=4)
    assert (one.name, one.size, one.secret, one.notes, two.size) == ("a", 3, "hidden", [], 4)
    assert one.notes is not two.notes
    assert thing("a", notes=["x"]).notes == ["x"]
    assert not hasattr(one, "__dict__")
    with pytest.raises(TypeError, match=r"Thing\.__init__\(\) missing 1 required .* 'name'"):
        thing()
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        thing("a", other=1)


@BOTH
def test_what_is_shown(decorate: Decorator) -> None:
    assert repr(make(decorate)("a")) == "make.<locals>.Thing(name='a', size=3, notes=[])"


@BOTH
def test_nothing_can_be_set(decorate: Decorator) -> None:
    one = make(decorate)("a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        one.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del one.name
    assert one.name == "a"


@BOTH
def test_copying(decorate: Decorator) -> None:
    one = make(decorate)("a", notes=["x"])  # as `pickle` does it, which also needs to find the class
    assert [copy.copy(one), copy.deepcopy(one)] == [one, one]
    assert copy.deepcopy(one).notes == ["x"]


@BOTH
def test_comparing(decorate: Decorator) -> None:
    thing = make(decorate)
    assert thing("a") == thing("a", notes=["x"])
    assert thing("a") != thing("b")
    assert thing("a") != ("a", 3, "hidden")
    assert hash(thing("a")) == hash(thing("a", notes=["x"]))
    assert len({thing("a"), thing("a"), thing("b")}) == 2
    with pytest.raises(TypeError, match="'<' not supported"):
        _ = thing("a") < thing("b")


@BOTH
def test_order(decorate: Decorator) -> None:
    thing = make(decorate, order=True)
    a, b, like_b = thing("a", 9), thing("b", 1), thing("b", 1)
    assert sorted([b, a]) == [a, b]
    assert (a < b, b <= like_b, b > a, b >= like_b, b < a) == (True, True, True, True, False)
    with pytest.raises(TypeError, match="'<' not supported"):
        _ = a < "a"


@BOTH
def test_identity_only(decorate: Decorator) -> None:
    thing = make(decorate, eq=False)
    one = thing("a")
    assert one == one  # noqa: PLR0124 (what is asked here)
    assert one != thing("a")
    assert len({one, thing("a")}) == 2


@BOTH
def test_what_the_standard_functions_see(decorate: Decorator) -> None:
    thing = make(decorate)
    assert [each.name for each in fields(thing)] == ["name", "size", "secret", "notes"]
    assert replace(thing("a"), size=5) == thing("a", 5)
    assert asdict(thing("a")) == {"name": "a", "size": 3, "secret": "hidden", "notes": []}
    assert thing.__match_args__ == ("name", "size", "secret", "notes")
    assert thing.__doc__ == "A thing."


@BOTH
def test_own_methods_stay(decorate: Decorator) -> None:
    @decorate(frozen=True, slots=True)
    class Own:
        """One with methods of its own."""

        value: int
        double: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "double", self.value * 2)

        def __eq__(self, other: object) -> bool:
            return self.__class__ is other.__class__

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    own: Any = Own
    one, two = own(1), own(2)
    assert (repr(one), one == two, one.double, two.double) == ("own", True, 2, 4)
    assert (hash(one), hash(two)) == (7, 7)


@BOTH
def test_fields_of_the_class_above_come_first(decorate: Decorator) -> None:
    thing: Any = make(decorate)

    @decorate(frozen=True, slots=True)
    class More(thing):  # type: ignore[misc]
        """More."""

        more: int = 7

    assert repr(More("a")).endswith("More(name='a', size=3, notes=[], more=7)")
    assert More("a") != thing("a")


@BOTH
def test_nothing_in_it(decorate: Decorator) -> None:
    @decorate(frozen=True, slots=True)
    class Empty:
        """Nothing."""

    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())


def test_other_classes_are_the_standard_library_s() -> None:
    @dataclass(slots=True)
    class Open:
        """May change."""

        value: int
        notes: list[str] = stated(default_factory=list, compare=False)

    one = Open(1)
    one.value = 2
    one.notes.append("x")
    assert one == Open(2)
    assert repr(Open(2)).endswith("Open(value=2, notes=[])")


def test_fields_stated_with_either_field() -> None:
    @dataclass(frozen=True, slots=True)
    class Both:
        """A field of each."""

        ours: list[str] = stated(default_factory=list, repr=False)
        theirs: int = field(default=3, compare=False)

    assert (Both(), Both().ours, repr(Both())[-14:]) == (Both([], 4), [], "Both(theirs=3)")
    assert replace_ours(Both(), ours=["x"]).ours == ["x"]
    assert replace_ours(Standard(1), value=2) == Standard(2)


@dataclasses.dataclass
class Standard:
    """One that the standard library made."""

    value: int


def test_fields_bring_nothing_heavy() -> None:
    code = "import sys; import envbuild.core.action; print('inspect' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
