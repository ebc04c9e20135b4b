"""A container for a program: what it finds is what it finds in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from envbuild.execute.sandbox.sandbox import Step

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.types import Mount

# A name alone takes out what the engine would add.
_UNWANTED: Final = ("HOSTNAME", "TERM")
# Else an engine tells what its own machine uses, also to who has no network.
_NO_RESOLVER: Final = {"dns": ["127.0.0.1"], "dns_search": ["."], "dns_opt": ["ndots:1"]}


def create_container(
    client: docker.DockerClient,
    image: str,
    step: Step,
    mounts: Sequence[Mount],
    labels: Mapping[str, str],
    *,
    attached: bool = False,
    terminal: bool = False,
) -> Container:
    """A container that has not begun; of the step's own mounts it has none but `mounts`.

    One that is `attached` reads what it is sent, on a terminal of its own where that is asked for, and has
    an init that passes signals on. Raises what the SDK does.
    """
    from docker.types import Ulimit

    memory = step.limits.memory or None
    host: dict[str, Any] = {
        "network_mode": "host" if step.network else "none",
        **({} if step.network else _NO_RESOLVER),
        "log_config": {"Type": "none"},
        "cap_drop": ["MKNOD", "AUDIT_WRITE"],
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        "pids_limit": step.limits.processes or None,
        "mem_limit": memory,
        "memswap_limit": memory,
        "mounts": list(mounts),
        "init": attached or None,
    }
    unwanted = (name for name in _UNWANTED if name not in step.environment)
    made = client.api.create_container(
        image,
        list(step.argv[1:]),
        entrypoint=list(step.argv[:1]),  # not the image's
        hostname="envbuild",
        user=step.user,
        working_dir=step.workdir,
        environment=[*unwanted, *(f"{name}={value}" for name, value in step.environment.items())],
        labels=dict(labels),
        stdin_open=attached,
        tty=terminal,
        healthcheck={"test": ["NONE"]},
        use_config_proxy=False,  # which would be variables that nobody stated
        host_config=client.api.create_host_config(**host),
    )
    return client.containers.get(made["Id"])
