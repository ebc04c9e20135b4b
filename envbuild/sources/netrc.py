"""Logins from the netrc file, where other programs find them, too."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from envbuild.core.errors import SourceError
from envbuild.sources.url import Login


class Netrc:
    """The file that `NETRC` names, else `~/.netrc`; read at the first question, and then kept."""

    def find(self, host: str) -> Login | None:
        """The login for a host; raises SourceError if the file is malformed."""
        return self._logins.get(host)

    @cached_property
    def _logins(self) -> dict[str, Login]:
        path = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")  # noqa: PTH111 (never fails)
        if not Path(path).is_file():
            return {}
        from netrc import NetrcParseError, netrc

        try:
            hosts = netrc(path).hosts
        except (NetrcParseError, OSError, UnicodeDecodeError):
            hint = "mend it, or name another one in `NETRC`"
            raise SourceError(f"the netrc file `{path}` cannot be read", hint=hint) from None
        # The `default` entry is left out: it would send its login to every host.
        return {host: (user, secret or "") for host, (user, _, secret) in hosts.items() if host != "default"}
