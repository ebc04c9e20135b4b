"""Labels name targets; patterns name sets of them."""

from __future__ import annotations

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

# As long as file systems let the files be that are named after them.
_NAME = compile_later(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}\Z")
_PACKAGE = compile_later(r"(?:[A-Za-z0-9_.+-]{1,255}(?:/[A-Za-z0-9_.+-]{1,255})*)?\Z")
_MAX_PACKAGE = 1000
_SYNTAX = "write `//folder:name`, `:name` or `//folder`"


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """A target's name: the folder of its BUILD.yaml below the workspace root, and its own name."""

    package: str
    name: str

    def __str__(self) -> str:
        return f"//{self.package}:{self.name}"

    @classmethod
    def parse(cls, text: str, *, package: str = "") -> Label:
        """Read `//a/b:c`, `//a/b` (= `//a/b:b`) or `:c` in `package`; raises SpecError."""
        if text.startswith(":"):
            return cls.checked(package, text[1:], text)
        if not text.startswith("//"):
            raise SpecError(f"`{excerpt(text)}` is not a label", hint=_suggest(text))
        folder, colon, name = text[2:].partition(":")
        return cls.checked(folder, name if colon else folder.rpartition("/")[2], text)

    @classmethod
    def checked(cls, package: str, name: str, text: str) -> Label:
        """The label of the two parts; raises SpecError that quotes `text`."""
        dots = any(part and not part.strip(".") for part in package.split("/"))
        if dots or len(package) > _MAX_PACKAGE or not _PACKAGE.match(package) or not _NAME.match(name):
            raise SpecError(f"`{excerpt(text)}` is not a label", hint=_SYNTAX)
        return cls(package, name)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A label, all targets of one folder (`//a:all`), or all below it (`//a/...`); maybe excluded."""

    package: str
    name: str = ""
    recursive: bool = False
    excluded: bool = False

    def matches(self, label: Label) -> bool:
        """Whether `label` is in this set (an exclusion matches what it excludes)."""
        if self.recursive:
            return not self.package or (label.package + "/").startswith(self.package + "/")
        return label.package == self.package and self.name in ("", label.name)

    @property
    def exact(self) -> Label | None:
        """The one label this pattern names, if it names one."""
        return None if self.recursive or not self.name else Label(self.package, self.name)

    @classmethod
    def parse(cls, text: str, *, package: str = "") -> Pattern:
        """Read a label, `//a/...`, `//...`, `...`, `//a:all` or `:all`, with `-` before an exclusion.

        Raises SpecError.
        """
        excluded, body = text.startswith("-"), text.removeprefix("-")
        if body == "..." or body.endswith("/..."):
            anchored = body if body.startswith("//") else "/".join(filter(None, ["/", package, body]))
            folder = anchored[2:].removesuffix("...").strip("/")
            Label.checked(folder, "all", text)
            return cls(folder, recursive=True, excluded=excluded)
        label = Label.parse(body, package=package)
        everything = body.endswith(":all")
        return cls(label.package, "" if everything else label.name, excluded=excluded)


def _suggest(text: str) -> str:
    """The label that a text without its first characters may mean, else how labels are written."""
    if _NAME.match(text):
        return f"did you mean `:{excerpt(text)}`?"
    folder, _, name = text.partition(":")
    if folder and _PACKAGE.match(folder) and _NAME.match(name):
        return f"did you mean `//{excerpt(text)}`?"
    return _SYNTAX
