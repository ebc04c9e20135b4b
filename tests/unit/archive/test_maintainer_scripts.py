from __future__ import annotations

import pytest

from envbuild.archive.maintainer_scripts import (
    Alternative,
    AlternativeLink,
    package_name,
    read_alternatives,
    script_effects,
)

AWK = """#!/bin/sh
if [ "$1" = configure ]; then
    update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\
        --slave /usr/bin/nawk nawk /usr/bin/mawk \\
        --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz
fi
"""


def control(postinst: str, package: str = "some", **scripts: str) -> dict[str, bytes]:
    files = {"control": f"Package: {package}\n", "postinst": postinst, **scripts}
    return {name: text.encode() for name, text in files.items()}


def test_alternatives() -> None:
    assert read_alternatives(control(AWK)) == (
        Alternative(
            AlternativeLink("/usr/bin/awk", "awk", "/usr/bin/mawk"),
            5,
            (
                AlternativeLink("/usr/bin/nawk", "nawk", "/usr/bin/mawk"),
                AlternativeLink("/usr/share/man/man1/awk.1.gz", "awk.1.gz", "/usr/share/man/man1/mawk.1.gz"),
            ),
        ),
    )
    assert script_effects(control(AWK)) == ()


# As gawk's does: it says so before it says what.
def test_alternatives_that_are_installed_quietly() -> None:
    call = "update-alternatives --quiet --force --install /usr/bin/awk awk /usr/bin/gawk 10\n"
    (found,) = read_alternatives(control(call))
    assert (found.main.name, found.main.path, found.priority) == ("awk", "/usr/bin/gawk", 10)
    unknown = control("#!/bin/sh\nupdate-alternatives --quiet --install /usr/bin/awk awk $awk 10\n")
    assert script_effects(unknown) == ("postinst of some was not run: update-alternatives",)


@pytest.mark.parametrize(
    "tail", ["", " || true", "; exit 0", " # why", " && echo done", " > /dev/null || :", " 2>&1", " }"]
)
def test_alternative_ends_where_its_command_does(tail: str) -> None:
    found = read_alternatives(control(f"update-alternatives --install /usr/bin/x x /usr/bin/y -10{tail}\n"))
    assert [(each.main.name, each.priority, each.followers) for each in found] == [("x", -10, ())]


@pytest.mark.parametrize(
    "call",
    [
        "update-alternatives --install /usr/bin/x x /usr/bin/y $PRIORITY",
        'update-alternatives --install "$link" x /usr/bin/y 1',
        "update-alternatives --install /usr/bin/x x `which y` 1",
        "update-alternatives --install /usr/bin/x x /usr/bin/y",
        "update-alternatives --install /usr/bin/x x /usr/bin/y 1 --slave /usr/bin/z z",
        "update-alternatives --install '/usr/bin/x x",
    ],
)
def test_alternatives_that_only_running_would_tell_are_named(call: str) -> None:
    assert read_alternatives(control(f"#!/bin/sh\n{call}\n")) == ()
    effects = script_effects(control(f"#!/bin/sh\n{call}\n"))
    assert effects == ("postinst of some was not run: update-alternatives",)


@pytest.mark.parametrize(
    ("script", "programs"),
    [
        ("ldconfig", "ldconfig"),
        ("/sbin/ldconfig -p || true", "ldconfig"),
        ("if true; then adduser --system x; fi", "adduser"),
        ("[ -d /x ] || mkdir /x && chown x /x", "chown, mkdir"),
        ("exec python3.11 -m compileall", "python3.11"),
        ("x=$(mkdir /a)", "mkdir"),
        ("update-mime-database \\\n  /usr/share/mime", "update-mime-database"),
        # What leaves nothing behind, mere mentions, comments and labels of a case.
        ("set -e\n. /usr/share/debconf/confmodule\ntest -x /sbin/ldconfig", ""),
        ("echo ldconfig", ""),
        ("# ldconfig", ""),
        ("case $2 in\n  update-thing)\n ;;\nesac", ""),
        # These serve upgrades and other packages.
        ("dpkg-maintscript-helper rm_conffile /etc/x -- $@\ndpkg-trigger ldconfig", ""),
    ],
)
def test_effects(script: str, programs: str) -> None:
    expected = (f"postinst of some was not run: {programs}",) if programs else ()
    assert script_effects(control(f"#!/bin/sh\n{script}\n")) == expected


def test_effects_of_each_script_of_an_installation() -> None:
    scripts = {"preinst": "#!/bin/sh\nmkdir /a\n", "prerm": "#!/bin/sh\nmkdir /b\n"}
    assert script_effects(control("\x7fELF", **scripts)) == (
        "preinst of some was not run: mkdir",
        "postinst of some is a program that was not run",
    )


def test_effects_that_we_have_ourselves_are_not_named() -> None:
    script = "#!/bin/sh\nln -s x y\nldconfig\n"
    assert script_effects(control(script, "tzdata")) == ("postinst of tzdata was not run: ldconfig",)


@pytest.mark.parametrize(
    ("stanza", "name"),
    [
        (b"Package: libstdc++6\nVersion: 1\n", "libstdc++6"),
        (b"Version: 1\npackage:a1.2-x \n", "a1.2-x"),
        (b"Version: 1\n", ""),
        (b"Package: ../../etc/passwd\n", ""),
        (b"Package: a b\n", ""),
    ],
)
def test_package_name(stanza: bytes, name: str) -> None:
    assert package_name(stanza) == name


@pytest.mark.parametrize(
    "script",
    [
        "\n" * 500_000,
        "!\n" * 250_000,
        "\\\n" * 250_000,
        "# \n" * 250_000,
        "a" * 500_000 + ")",
        "update-alternatives " * 25_000,
        "{ " * 250_000,
    ],
)
def test_absurd_scripts_are_read_in_a_time_that_grows_with_their_size(script: str) -> None:
    # Were it the square of the size, this would run for hours.
    assert script_effects(control(f"#!/bin/sh\n{script}\nmkdir /a\n")) == (
        "postinst of some was not run: mkdir",
    )


def test_scripts_that_are_too_large_are_named_and_not_read() -> None:
    large = control("#!/bin/sh\n" + "update-alternatives --install /usr/bin/a a /b 1\n" * 30_000)
    assert script_effects(large) == ("postinst of some was not run: it is too large to be read",)
    assert read_alternatives(large) == ()
