"""`dataclass`, `field`, `replace` and `asdict` as the standard library has them, for frozen classes.

There, each such class costs half a millisecond, in which half a dozen functions are compiled
(Lib/dataclasses.py), and the module itself brings `inspect` along: for the classes that a build imports, that
was half of the time it takes to start. Here `__init__` alone is compiled, and only of classes that are used;
the others are made of functions that are there already. The standard library's own functions take these
classes as theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

__all__ = ["asdict", "dataclass", "field", "replace"]

_UNSET: Any = object()
Method = Callable[..., Any]


class _Field:
    """What is stated of a field, with its name and type once its class is made."""

    __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

    def __init__(
        self,
        default: Any = _UNSET,
        default_factory: Any = _UNSET,
        *,
        init: bool = True,
        repr: bool = True,  # noqa: A002
        compare: bool = True,
    ) -> None:
        self.name = self.type = ""
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare


def _freeze(cls: type, *, order: bool, eq: bool, slots: bool) -> Any:
    """The class with the methods of a frozen dataclass that it does not define itself, and maybe slots."""
    own = _take_fields(cls)
    fields = list({each.name: each for each in (*_inherited(cls), *own)}.values())
    made: Any = _add_slots(cls, [each.name for each in own]) if slots else cls
    made.__match_args__ = tuple(each.name for each in fields if each.init)  # type: ignore[misc]
    made.__stated_fields__ = fields
    made.__dataclass_fields__ = _StandardFields()
    made.__dataclass_params__ = _StandardParameters(eq=eq, order=order)
    methods = {"__init__": _make_init(made, fields), "__repr__": _make_repr(fields), **_FROZEN}
    if slots:
        methods |= _STATE
    if eq:
        methods |= _make_comparisons([each.name for each in fields if each.compare], order=order)
    for name, method in methods.items():
        if vars(made).get(name) is None:  # Python puts `__hash__ = None` beside an `__eq__`
            setattr(made, name, method)
    return made


def _take_fields(cls: type) -> list[_Field]:
    """The fields that the class itself states; what it states of them besides their types goes from it."""
    found = []
    for name, type_ in vars(cls).get("__annotations__", {}).items():
        if type_.startswith("ClassVar"):
            continue
        stated = vars(cls).get(name, _UNSET)
        each = _take_field(stated)
        each.name, each.type = name, type_
        if stated is not _UNSET and each.default is _UNSET:
            delattr(cls, name)
        elif stated is not _UNSET:
            setattr(cls, name, each.default)
        found.append(each)
    return found


def _take_field(stated: Any) -> _Field:
    """What is stated of a field: by `field` here, by the standard library's, or by its default alone."""
    if isinstance(stated, _Field):
        return stated
    if not hasattr(stated, "default_factory"):
        return _Field(stated, _UNSET)
    from dataclasses import MISSING

    default, factory = (
        _UNSET if each is MISSING else each for each in (stated.default, stated.default_factory)
    )
    return _Field(default, factory, init=stated.init, repr=stated.repr, compare=stated.compare)


def _inherited(cls: type) -> Iterable[_Field]:
    return (each for base in reversed(cls.__mro__[1:]) for each in vars(base).get("__stated_fields__", ()))


def _add_slots(cls: type, names: Sequence[str]) -> type:
    """The class anew: slots cannot be added to one that is there."""
    members = {name: value for name, value in vars(cls).items() if name not in names}
    members.pop("__dict__", None)
    members.pop("__weakref__", None)
    members["__slots__"] = tuple(names)
    made = type(cls)(cls.__name__, cls.__bases__, members)
    made.__qualname__ = cls.__qualname__
    return made


def _make_init(cls: type, fields: Sequence[_Field]) -> Method:
    """An `__init__` that makes the real one, which takes its place, when the first object is made."""

    def begin(self: object, *values: object, **named: object) -> None:
        init = _compile_init(cls, fields)
        cls.__init__ = init  # type: ignore[misc]
        init(self, *values, **named)

    return begin


def _compile_init(cls: type, fields: Sequence[_Field]) -> Method:
    stated = [each for each in fields if each.init]
    names: dict[str, Any] = {"_dataclass_set": object.__setattr__, "_dataclass_unset": _UNSET}
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


def _parameter(each: _Field) -> str:
    if _is(each.default):
        return f"{each.name}=_dataclass_{each.name}"
    return f"{each.name}=_dataclass_unset" if _is(each.default_factory) else each.name


def _value(each: _Field) -> str:
    made = f"_dataclass_{each.name}() if {each.name} is _dataclass_unset else "
    return (made if _is(each.default_factory) else "") + each.name


def _is(stated: object) -> bool:
    return stated is not _UNSET


def _make_repr(fields: Sequence[_Field]) -> Method:
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
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _tell_state(self: Any) -> Sequence[object]:
    return [getattr(self, each.name) for each in self.__stated_fields__]


def _take_state(self: Any, state: Sequence[object]) -> None:
    for each, value in zip(self.__stated_fields__, state, strict=True):
        object.__setattr__(self, each.name, value)


class _StandardFields:
    """Makes the standard library's fields of ours when its functions ask for them."""

    def __get__(self, _: object, cls: Any) -> Mapping[str, Any]:
        import dataclasses

        @dataclasses.dataclass(init=False, repr=False, eq=False)
        class Stated:
            __annotations__ = {each.name: each.type for each in cls.__stated_fields__}

        return {each.name: _as_standard(each, Stated.__dataclass_fields__) for each in cls.__stated_fields__}


def _as_standard(each: _Field, made: Mapping[str, Any]) -> Any:
    import dataclasses

    standard = made[each.name]
    standard.default = each.default if _is(each.default) else dataclasses.MISSING
    standard.default_factory = each.default_factory if _is(each.default_factory) else dataclasses.MISSING
    standard.init, standard.repr, standard.compare = each.init, each.repr, each.compare
    return standard


def _make_open(cls: type, **options: bool) -> Any:
    """The standard library's dataclass of a class whose fields are stated with ours."""
    import dataclasses

    for name, stated in tuple(vars(cls).items()):
        if isinstance(stated, _Field):
            given = {"default": stated.default, "default_factory": stated.default_factory}
            given = {option: value for option, value in given.items() if _is(value)}
            made = dataclasses.field(**given, init=stated.init, repr=stated.repr, compare=stated.compare)
            setattr(cls, name, made)
    return dataclasses.dataclass(**options)(cls)


class _StandardParameters:
    """What the standard library asks of a class that one of its own inherits from."""

    frozen = True

    def __init__(self, *, eq: bool, order: bool) -> None:
        self.eq = eq
        self.order = order


def _describe(value: Any) -> Any:
    if hasattr(type(value), "__stated_fields__"):
        return asdict(value)
    if isinstance(value, dict):
        return {key: _describe(each) for key, each in value.items()}
    return type(value)(map(_describe, value)) if type(value) in (tuple, list) else value


_FROZEN: Mapping[str, Method] = {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
_STATE: Mapping[str, Method] = {
    "__getstate__": _tell_state,
    "__setstate__": _take_state,
}  # for `copy` and `pickle`
_ORDERS: Iterable[Callable[[Any, Any], bool]] = (lt, le, gt, ge)

if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, replace
else:

    def asdict(thing):
        """Its fields by name, and those of what is in them, as by `dataclasses.asdict`; nothing is copied."""
        return {each.name: _describe(getattr(thing, each.name)) for each in thing.__stated_fields__}

    def dataclass(*, frozen: bool = False, slots: bool = False, order: bool = False, eq: bool = True):
        """A decorator like `dataclasses.dataclass`, which itself makes the classes that are not frozen."""
        if not frozen:
            return lambda cls: _make_open(cls, slots=slots, order=order, eq=eq)
        return lambda cls: _freeze(cls, order=order, eq=eq, slots=slots)

    def field(**stated):
        """What a frozen class states of a field, as by `dataclasses.field`."""
        return _Field(**stated)

    def replace(thing, /, **changes):
        """The same with other values in some fields, as by `dataclasses.replace`."""
        if not hasattr(thing, "__stated_fields__"):
            import dataclasses

            return dataclasses.replace(thing, **changes)
        given = {each.name: getattr(thing, each.name) for each in thing.__stated_fields__ if each.init}
        return type(thing)(**{**given, **changes})
