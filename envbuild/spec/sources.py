"""The `sources:` of a workspace: indexes, channels, Debian mirrors and registries, each under an alias."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, Location
from envbuild.core.pattern import compile_later
from envbuild.core.project_name import normalise
from envbuild.core.text import excerpt
from envbuild.oci.reference import RegistryName
from envbuild.spec.attribute import Attribute, Kind
from envbuild.spec.build_file import read_calls
from envbuild.spec.positions import Entry, Value
from envbuild.spec.problems import Problems, suggest
from envbuild.spec.schema import Schema, Scope, check_attributes

INDEX, DEBIAN, REGISTRY, CHANNEL = "index", "debian", "registry", "channel"

_FORM = (
    "write `- index: {name: ..., url: ...}`, `- channel: {name: ..., url: ...}`,"
    " `- debian: {name: ..., urls: [...]}` or `- registry: {name: ..., host: ...}`"
)
_ALIAS = compile_later(r"[a-z][a-z0-9_-]*\Z")
_URL = compile_later(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?\Z")
_VARIABLE = compile_later(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LOGIN = compile_later(r"[a-zA-Z+]+://[^/?#]*@")
_LOGIN_ATTRIBUTES: Schema = {
    "username_env": Attribute(Kind.TEXT, default=""),
    "password_env": Attribute(Kind.TEXT, default=""),
    "login_file": Attribute(Kind.TEXT, default=""),
}
# As conda writes them (`/t/TOKEN/channel`).
_TOKEN = compile_later(r"/t/[^/]+")
_SCHEMAS: Mapping[str, Schema] = {
    CHANNEL: {
        "name": Attribute(Kind.TEXT, required=True, doc="its alias in locks"),
        "url": Attribute(Kind.TEXT, default=""),
        "urls": Attribute(Kind.TEXT_LIST, default=()),
        **_LOGIN_ATTRIBUTES,
    },
    INDEX: {
        "name": Attribute(Kind.TEXT, required=True, doc="its alias in locks"),
        "url": Attribute(Kind.TEXT, default=""),
        "packages": Attribute(Kind.TEXT_LIST, default=()),
    },
    DEBIAN: {
        "name": Attribute(Kind.TEXT, required=True, doc="its alias in locks"),
        "urls": Attribute(Kind.TEXT_LIST, default=()),
        "keyring": Attribute(Kind.TEXT, default=""),
    },
    REGISTRY: {
        "name": Attribute(Kind.TEXT, required=True, doc="its alias in locks"),
        "host": Attribute(Kind.TEXT, required=True, doc="`host:port`, or `host/path`"),
        **_LOGIN_ATTRIBUTES,
    },
}


@dataclass(frozen=True, slots=True)
class Login:
    """Where a login is: in two environment variables, or in a file; never the login itself."""

    username: str = ""
    password: str = ""
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where locked artifacts come from. No `urls`: what this machine's own configuration names.

    Of several URLs, each leads to a copy of the same. A registry has one, without scheme: `host:port/path`.
    `packages` are normalised names that only this index may serve, and all that it serves.
    `login` is a registry's or channel's, where the workspace says where to find it.
    `keyring` verifies a Debian mirror's signatures (None: the one that the machine's apt trusts).
    """

    alias: str
    kind: str
    urls: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    keyring: Path | None = None
    login: Login | None = None


DEFAULTS = (Source("pypi", INDEX), Source("debian", DEBIAN))


def read_sources(value: Value, root: Path, problems: Problems) -> tuple[Source, ...]:
    """The sources in order of priority: those stated, then the defaults that were not."""
    sources: dict[str, Source] = {}
    places: dict[str, Location] = {}
    for kind, entry in read_calls(value, problems, _FORM):
        if kind not in _SCHEMAS:
            problems.add(f"there is no kind of source `{kind}`", entry.key, suggest(kind, _SCHEMAS))
            continue
        source = _read_source(kind, entry, root, problems)
        if source.alias in places:
            hint = f"the first one is at {places[source.alias]}"
            problems.add(f"a second source `{source.alias}`", entry.key, hint)
        places.setdefault(source.alias, entry.key)
        sources[source.alias] = source
    _refuse_shared_packages(sources, places, problems)
    _refuse_second_login(sources, places, problems)
    rest = (source for source in DEFAULTS if source.alias not in sources)
    return (*sources.values(), *rest)


def _read_source(kind: str, entry: Entry, root: Path, problems: Problems) -> Source:
    scope = Scope(f"`{kind}`", "", entry.key)
    stated = entry.value.entries
    checked = check_attributes(stated, _SCHEMAS[kind], scope, problems)
    alias = checked.get("name") or ""
    if "name" in stated and alias and not _ALIAS.match(alias):
        hint = "use lower-case letters, digits, `-` and `_`"
        problems.add(f"`{excerpt(alias)}` is not an alias", stated["name"].value.location, hint)
    _refuse_taken_default(kind, alias, entry, problems)
    urls = (checked["url"],) if checked.get("url") else tuple(checked.get("urls") or ())
    for place, url in _placed(stated, urls):
        if not (kind == CHANNEL and url.startswith("file:")):
            _check_url(url, place, problems)
        if kind == CHANNEL and _TOKEN.search(url):
            hint = "name variables or a file: `username_env` with `password_env`, or `login_file`"
            problems.add("the URL holds a token", place, hint)
    login = None
    if kind == REGISTRY:
        urls, login = _read_host(checked, stated, problems), _read_login(checked, entry.key, root, problems)
    if kind == CHANNEL:
        urls, login = (
            _read_places(urls, entry, root, problems),
            _read_login(checked, entry.key, root, problems),
        )
    packages = tuple(sorted({normalise(name) for name in checked.get("packages") or ()}))
    keyring = _read_keyring(stated, checked, root, problems)
    return Source(alias, kind, tuple(url.rstrip("/") for url in urls), packages, keyring, login)


def _read_host(
    checked: Mapping[str, Any], stated: Mapping[str, Entry], problems: Problems
) -> tuple[str, ...]:
    host = checked.get("host")
    if not host:
        return ()
    try:
        return (str(RegistryName.parse(host)),)
    except EnvbuildError as error:
        problems.catch(error, stated["host"].value.location)
        return ()


def _read_places(urls: tuple[str, ...], entry: Entry, root: Path, problems: Problems) -> tuple[str, ...]:
    """A channel's URLs, whole; `file:folder` is the workspace's, `file:/folder` the machine's."""
    if not urls:
        problems.add(
            "a channel has no URL", entry.key, "write `url: https://host/path`, or `url: file:folder`"
        )
    return tuple(
        (root / unquote(url.removeprefix("file:").removeprefix("//"))).as_uri()
        if url.startswith("file:")
        else url
        for url in urls
    )


def _read_login(checked: Mapping[str, Any], place: Location, root: Path, problems: Problems) -> Login | None:
    user, password, file = (checked.get(key) or "" for key in ("username_env", "password_env", "login_file"))
    if bool(user) != bool(password) or (user and file):
        hint = "state `username_env` with `password_env`, or `login_file`"
        problems.add("a login is in two variables, or in a file", place, hint)
    for name in (user, password):
        if name and not _VARIABLE.match(name):
            problems.add(
                f"`{excerpt(name)}` is no variable's name", place, "write a name such as `CORP_USER`"
            )
    if file:
        return Login(file=root / os.path.expanduser(file))  # noqa: PTH111 (never fails)
    return Login(user, password) if user and password else None


def _refuse_second_login(
    sources: Mapping[str, Source], places: Mapping[str, Location], problems: Problems
) -> None:
    """A host is logged in to once, whatever of it is asked for."""
    known: dict[str, Source] = {}
    for source in sources.values():
        host = "".join(source.urls).partition("/")[0]
        if source.kind == REGISTRY and source.login and known.setdefault(host, source).login != source.login:
            message = f"`{known[host].alias}` and `{source.alias}` state different logins for `{host}`"
            problems.add(message, places[source.alias], "state one of them for both")


def _placed(stated: Mapping[str, Entry], urls: tuple[str, ...]) -> list[tuple[Location, str]]:
    if not urls:
        return []
    value = stated["url" if "url" in stated else "urls"].value
    return list(zip([item.location for item in value.items or (value,)], urls, strict=False))


def _check_url(url: str, place: Location, problems: Problems) -> None:
    """Note a URL that cannot be one of a source; what may be a secret is not shown."""
    if _LOGIN.match(url):
        hint = "put them into ~/.netrc (or the file that `NETRC` names), and write the URL without them"
        problems.add("the URL holds credentials", place, hint)
    elif "@" in url:
        # Behind a `/` it may belong to a password that holds one.
        hint = "write `%40` for it; if it ends a login, put that into ~/.netrc instead"
        problems.add("the URL has an `@` in its path", place, hint)
    elif "?" in url or "#" in url:
        problems.add("the URL has a query or a fragment", place, "write only scheme, host and path")
    elif not _URL.match(url):
        problems.add("this is no `http` or `https` URL", place, "write `https://host/path`")


def _refuse_taken_default(kind: str, alias: str, entry: Entry, problems: Problems) -> None:
    for default in DEFAULTS:
        if alias == default.alias and kind != default.kind:
            problems.add(
                f"`{alias}` is the alias of a source of kind `{default.kind}`", entry.key, "rename it"
            )


def _read_keyring(
    stated: Mapping[str, Entry], checked: Mapping[str, Any], root: Path, problems: Problems
) -> Path | None:
    if not checked.get("keyring"):
        return None
    path: Path = root / checked["keyring"]
    # An absolute path is the machine's, which only `lock` needs; a relative one belongs to the workspace.
    if path.is_relative_to(root) and not os.path.isfile(path):  # noqa: PTH113 (never fails)
        place = stated["keyring"].value.location
        problems.add(f"there is no file `{excerpt(checked['keyring'])}`", place, "check the path")
    return path


def _refuse_shared_packages(
    sources: Mapping[str, Source], places: Mapping[str, Location], problems: Problems
) -> None:
    owners: dict[str, str] = {}
    for source in sources.values():
        for package in source.packages:
            if package in owners:
                message = f"`{package}` is pinned to `{owners[package]}` and to `{source.alias}`"
                problems.add(message, places[source.alias], "a package comes from one index: remove one pin")
            owners.setdefault(package, source.alias)
