"""`dataclass` as the standard library has it; frozen classes with slots are made in a quarter of the time.

There, each such class costs half a millisecond, in which half a dozen functions are compiled
(Lib/dataclasses.py): for the classes that a build imports, that was half of the time it takes to
start. Here `__init__` alone is compiled; the others are made of functions that are there already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

Fields = Sequence["dataclasses.Field[Any]"]
Method = Callable[..., Any]


def _freeze(cls: type, *, order: bool, eq: bool) -> Any:
    """The class with slots, and with the methods of a frozen dataclass that it does not define itself."""
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    fields = dataclasses.fields(made)
    methods = {"__init__": _make_init(made, fields), "__repr__": _make_repr(fields), **_FROZEN}
    if eq:
        methods |= _make_comparisons([each.name for each in fields if each.compare], order=order)
    for name, method in methods.items():
        if vars(made).get(name) is None:  # Python puts `__hash__ = None` beside an `__eq__`
            setattr(made, name, method)
    return made


def _make_init(cls: type, fields: Fields) -> Method:
    stated = [each for each in fields if each.init]
    names: dict[str, Any] = {"_dataclass_set": object.__setattr__, "_dataclass_unset": dataclasses.MISSING}
    for each in stated:
        names[f"_dataclass_{each.name}"] = each.default if _is(each.default) else each.default_factory
    lines = [f"_dataclass_set(self, {each.name!r}, {_value(each)})" for each in stated]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = ", ".join(["self", *map(_parameter, stated)])
    exec(f"def __init__({parameters}):\n " + "\n ".join(lines or ["pass"]), names)  # noqa: S102 (as the original)
    init: Method = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"  # what an error about an argument says
    init.__annotations__ = {each.name: each.type for each in stated}
    return init


def _parameter(field: dataclasses.Field[Any]) -> str:
    if _is(field.default):
        return f"{field.name}=_dataclass_{field.name}"
    return f"{field.name}=_dataclass_unset" if _is(field.default_factory) else field.name


def _value(field: dataclasses.Field[Any]) -> str:
    made = f"_dataclass_{field.name}() if {field.name} is _dataclass_unset else "
    return (made if _is(field.default_factory) else "") + field.name


def _is(stated: object) -> bool:
    return stated is not dataclasses.MISSING


def _make_repr(fields: Fields) -> Method:
    names = [each.name for each in fields if each.repr]

    def represent(self: object) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({values})"

    return represent


def _make_comparisons(names: Sequence[str], *, order: bool) -> Mapping[str, Method]:
    values = attrgetter(*names) if names else lambda _: ()

    def are_equal(self: object, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hash_values(self: object) -> int:
        return hash(values(self))

    ordered = {f"__{each.__name__}__": _make_order(each, values) for each in _ORDERS} if order else {}
    return {"__eq__": are_equal, "__hash__": hash_values, **ordered}


def _make_order(holds: Callable[[Any, Any], bool], values: Callable[[object], Any]) -> Method:
    def compare(self: object, other: object) -> Any:
        return holds(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    return compare


def _refuse_setting(_: object, name: str, value: object) -> None:  # noqa: ARG001 (what Python calls it with)
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _tell_state(self: Any) -> Sequence[object]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _take_state(self: Any, state: Sequence[object]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


_FROZEN: Mapping[str, Method] = {
    "__setattr__": _refuse_setting,
    "__delattr__": _refuse_deleting,
    "__getstate__": _tell_state,  # with the next one: for `copy` and `pickle`
    "__setstate__": _take_state,
}
_ORDERS: Iterable[Callable[[Any, Any], bool]] = (lt, le, gt, ge)

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, order: bool = False, eq: bool = True):
        """A decorator like `dataclasses.dataclass`."""
        if not (frozen and slots):
            return dataclasses.dataclass(frozen=frozen, slots=slots, order=order, eq=eq)
        return lambda cls: _freeze(cls, order=order, eq=eq)
