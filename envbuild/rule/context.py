"""What a rule's functions get: attributes, the locked answer, and ways to declare actions.

Nothing here does I/O: files were read and hashed when the build file was loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.core.platform import Facts, Platform
from envbuild.lock.base_image import Root
from envbuild.lock.model import Index, Locked, PlatformLock
from envbuild.oci.config import Runtime
from envbuild.rule import builtins
from envbuild.rule.bytecode import compile_library, compile_wheel, interpreter_layers
from envbuild.rule.conda_record import describe_package
from envbuild.rule.config import Config, find_fault
from envbuild.rule.debian import Debian, read_debian
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Input
from envbuild.rule.facts import read_facts
from envbuild.rule.image import (
    MAX_LAYERS,
    NO_ANNOTATIONS,
    ForeignLayer,
    Image,
    Layer,
    Part,
    declare_image,
    describe_base,
    merge_parts,
    stack_config,
)
from envbuild.rule.layering import Plan, plan_layers
from envbuild.rule.placing import declare_files
from envbuild.rule.sdist import TOOLS, Sdist, Workshop, build_sdist, name_wheel
from envbuild.spec.files import FileEntry


@dataclass(frozen=True, slots=True)
class Context:
    """One target on one platform.

    `attributes` are the checked values of the rule's attributes, with defaults filled in;
    `dependencies` the images of the targets that label attributes name; `channels` the workspace's
    by priority; `locked` the answer to the rule's question (None while locking); `known` what is locked
    so far while the question is asked; `epoch` the time of every file, in Unix seconds.
    """

    label: Label
    platform: Platform
    attributes: Mapping[str, Any]
    dependencies: Mapping[Label, Image]
    indexes: tuple[Index, ...]
    epoch: int
    channels: tuple[str, ...] = ()
    locked: PlatformLock | None = None
    known: PlatformLock | None = None
    location: Any = field(default=None, compare=False)

    def __getitem__(self, name: str) -> Any:
        """The value of an attribute."""
        return self.attributes[name]

    def fail(self, message: str, hint: str = "") -> SpecError:
        """An error about this target, to be raised."""
        return SpecError(f"`{self.label}`: {message}", hint=hint, location=self.location)

    @property
    def answer(self) -> PlatformLock:
        """What is locked for this target and platform."""
        assert self.locked is not None, "actions are declared from a lock"
        return self.locked

    def dependency(self, attribute: str) -> Image | None:
        """The image that a label attribute names; None where it names none."""
        label = self.attributes[attribute]
        return self.dependencies[label] if isinstance(label, Label) else None

    # Parts: one owner's layer each.

    def wheel(self, artifact: Locked, source: Input, facts: Facts, prefix: str) -> Part:
        """A wheel under a prefix, laid out for the target's Python."""
        assert facts.python is not None
        name = name_wheel(artifact) if artifact.kind == "sdist" else artifact.file.rpartition("/")[2]
        parameters = {"prefix": prefix, "python": facts.python.minor, "file": name}
        return self.part(
            builtins.WHEEL_LAYER,
            parameters,
            {"wheel": source},
            owner=f"{artifact.name} {artifact.version}",
            mnemonic="WheelLayer",
            size=artifact.size,
        )

    def conda(
        self,
        artifact: Locked,
        prefix: str,
        *,
        python: str = "",
        site_packages: str = "",
        requested: Sequence[str] = (),
        overrides: bool = False,
    ) -> Part:
        """A conda package under a prefix, and the record of it there.

        `python` is the full version of the conda Python, whose modules lie in `site_packages` below the
        prefix; "" where no conda package is one. `requested` are the spec's words that ask for the package.
        """
        parameters = {
            "prefix": prefix,
            "python": python,
            "site_packages": site_packages,
            "record": describe_package(artifact, requested),
        }
        return self.part(
            builtins.CONDA_LAYER,
            parameters,
            {"package": Fetched(artifact)},
            owner=f"{artifact.name} {artifact.version} (conda)",
            mnemonic="CondaLayer",
            size=artifact.size,
            overrides=overrides,
        )

    def built_wheel(self, sdist: Locked, file: Input, facts: Facts, workshop: Workshop) -> Input:
        """The wheel of an sdist for a target of these `facts`, built in a workshop; `file` are its bytes."""
        build, python = self.answer.builds[sdist.name], workshop.python
        stated = {"prefix": TOOLS, "version": python.version, "interpreter": python.path}
        venv = self.part(builtins.VENV_LAYER, stated, {}, owner="venv", mnemonic="VenvLayer")
        tools = [venv, *(self.wheel(each, Fetched(each), facts, TOOLS) for each in build.wheels)]
        return build_sdist(Sdist(sdist, file, build), facts, workshop, self.layers(tools), self.epoch)

    def conda_root(self, prefix: str) -> Part:
        """What makes a prefix an environment for conda, beside its packages."""
        return self.part(
            builtins.CONDA_ROOT, {"prefix": prefix}, {}, owner="conda environment", mnemonic="CondaRoot"
        )

    def bytecode(self, wheel: Part, facts: Facts, base: Image) -> Part:
        """What the interpreter of the base makes of the modules of a part that is a `wheel`."""
        return compile_wheel(wheel, facts, interpreter_layers(base), self.epoch)

    def library_bytecode(self, facts: Facts, base: Image) -> Part:
        """What the interpreter of the base makes of its own library."""
        return compile_library(facts, interpreter_layers(base), self.epoch)

    def deb(self, artifact: Locked, *, merged_usr: bool = True) -> Part:
        """A Debian package's files, on a root with merged /usr unless it is stated to have none."""
        return self.part(
            builtins.DEB_LAYER,
            {} if merged_usr else {"merged_usr": False},
            {"deb": Fetched(artifact)},
            owner=f"{artifact.name} {artifact.version}",
            mnemonic="DebLayer",
            size=artifact.size,
        )

    def files(self, entries: Sequence[FileEntry], owner: str, *, base: Image | None = None) -> Part:
        """Files of the workspace at their destinations; they win over what lies below.

        Links of the `base` are followed, and its folders stay as they are.
        """
        ordered = sorted(entries, key=lambda entry: entry.destination)
        try:
            builtin, parameters, inputs = declare_files(ordered, base)
        except SpecError as error:
            raise self.fail(error.message, hint=error.hint) from None
        return self.part(builtin, parameters, inputs, owner=owner, mnemonic="FilesLayer", overrides=True)

    def part(
        self,
        builtin: Builtin,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, Input],
        *,
        owner: str,
        mnemonic: str,
        size: int = 0,
        overrides: bool = False,
    ) -> Part:
        """A layer made by a builtin."""
        stated = {**parameters, "epoch": self.epoch}
        action = DeclaredAction(builtin, stated, inputs, builtins.LAYER_OUTPUTS, mnemonic, owner)
        return Part(owner, action, size, overrides)

    # Images.

    def locked_image(self, reference: str, config: Config) -> Image:
        """A registry's image, as the lock has it, with a configuration over its own."""
        locked = self.answer.images[reference]
        runtime = locked.runtime
        foreign = tuple(
            ForeignLayer(layer, reference, tuple(sorted(locked.lazy.get(layer.sha256, {}).items())))
            for layer in locked.layers
        )
        annotations = describe_base(reference, locked)
        bare = Image(
            layers=(),
            config=runtime,
            facts=read_facts(locked.facts, self.platform),
            prefix="",
            pins={},
            merged_usr="bin" in locked.root.links,
            action=declare_image((), runtime, self.platform, str(self.label), foreign, annotations),
            foreign=foreign,
            root=locked.root,
            annotations=annotations,
            debian=read_debian(locked, self.platform),
        )
        return self.image((), config, base=bare)

    def stacked_image(
        self,
        layers: Sequence[Layer],
        config: Runtime,
        base: Image | None,
        checks: Sequence[DeclaredAction] = (),
    ) -> Image:
        """The image of these layers on a base's, with a whole configuration of its own."""
        made = self.image(layers, Config(), base=base, checks=checks)
        subject = str(self.label)
        action = declare_image(
            made.layers, config, self.platform, subject, made.foreign, made.annotations, made.checks
        )
        return replace(made, config=config, action=action)

    def layers(self, parts: Sequence[Part], plan: Plan | None = None) -> tuple[Layer, ...]:
        """Parts grouped into layers by size and name; without a plan, each its own layer, in this order."""
        if plan is None:
            return tuple(merge_parts([part], self.epoch) for part in parts)
        by_name = {part.name: part for part in parts}
        if len(by_name) < len(parts):
            raise self.fail("two parts of a layer plan have one name", hint="give each its own owner")
        groups = plan_layers([(name, part.size) for name, part in by_name.items()], plan)
        return tuple(merge_parts([by_name[name] for name in group], self.epoch) for group in groups)

    def image(  # noqa: PLR0913 (each is something that an image has)
        self,
        layers: Sequence[Layer],
        config: Config,
        *,
        base: Image | None = None,
        facts: Facts | None = None,
        prefix: str = "",
        pins: Mapping[str, Locked] | None = None,
        merged_usr: bool = False,
        debian: Debian | None = None,
        checks: Sequence[DeclaredAction] = (),
    ) -> Image:
        """The image of these layers on top of a base's, with the configuration over the base's.

        `facts`, `prefix`, `pins` and `debian` are the base's unless stated; `checks` are made besides the
        base's. Raises SpecError where the layers are more than engines take.
        """
        foreign = base.foreign if base else ()
        annotations = base.annotations if base else NO_ANNOTATIONS
        ours = (*(base.layers if base else ()), *layers)
        count = len(foreign) + len(ours)
        if count > MAX_LAYERS:
            raise self.fail(
                f"it would have {count} layers, and engines take {MAX_LAYERS}",
                hint="stand it on a base with fewer layers",
            )
        if fault := find_fault(config):
            raise self.fail(fault.message, hint=fault.hint)
        full = stack_config(config, base.config if base else Runtime())
        known = facts or (base.facts if base else Facts(self.platform))
        checked = (*(base.checks if base else ()), *checks)
        subject = str(self.label)
        return Image(
            layers=ours,
            config=full,
            facts=known,
            prefix=prefix or (base.prefix if base else ""),
            pins=pins if pins is not None else (base.pins if base else {}),
            merged_usr=merged_usr or (base is not None and base.merged_usr),
            action=declare_image(ours, full, self.platform, subject, foreign, annotations, checked),
            foreign=foreign,
            root=base.root if base else Root(),
            annotations=annotations,
            debian=debian or (base.debian if base else None),
            checks=checked,
        )
