"""Images as rules pass them on: layers, configuration, and the facts that children rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.digest import Digest
from envbuild.core.platform import Facts, Platform
from envbuild.lock.base_image import LAYER_TYPES, BaseImage, Root
from envbuild.lock.model import Json, Locked
from envbuild.oci.annotations import BASE_DIGEST, BASE_NAME, IMPURE
from envbuild.oci.config import Runtime
from envbuild.oci.reference import ImageName
from envbuild.rule.builtins import (
    CHECK_PATHS,
    CHECKED,
    CONFIG,
    IMAGE,
    IMAGE_INDEX,
    INDEX,
    LAYER,
    LAYER_INFO,
    LIST_LAYER,
    LISTING,
    MANIFEST,
    MERGE_LAYERS,
)
from envbuild.rule.config import Config
from envbuild.rule.debian import Debian
from envbuild.rule.declared import DeclaredAction, Fetched, Input

# Engines refuse images of more layers: the overlay file system takes no more (Docker: maxLayerDepth).
MAX_LAYERS = 127
NO_ANNOTATIONS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """One owner's layer: a package, or the files of a target.

    `owner` names it to people ("numpy 2.4.6"). Where two parts own one path with different bytes,
    that is an error, unless one of them `overrides` what lies below.
    """

    owner: str
    action: DeclaredAction
    size: int = 0  # of what it is made from, in bytes: the measure of the layer plan
    overrides: bool = False

    @property
    def name(self) -> str:
        """The owner without its version: what a layer plan goes by."""
        return self.owner.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: one part's own, several merged, or what a step made.

    A step has no parts: whatever it replaces, it means to. `step` says to people which one it is.
    """

    action: DeclaredAction
    parts: tuple[Part, ...]
    step: str = ""

    @property
    def packages(self) -> tuple[str, ...]:
        """Who owns this layer's paths."""
        return tuple(part.owner for part in self.parts) or (self.step,)

    @property
    def blob(self) -> Input:
        """The layer's bytes, for an action that reads them."""
        return self.action.output(LAYER)


@dataclass(frozen=True, slots=True)
class ForeignLayer:
    """A layer of an image that a lock names; its bytes are fetched where a step reads them.

    `origin` is the image's reference, `lazy` the annotations that engines need to pull it lazily.
    """

    artifact: Locked
    origin: str
    lazy: tuple[tuple[str, str], ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """Which image it comes from."""
        return (self.origin,)

    @property
    def blob(self) -> Input:
        """The layer's bytes, for an action that reads them."""
        return Fetched(self.artifact)


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one platform.

    `foreign` are the layers of the registry's image at its bottom, `layers` ours on them. `pins` are
    the Python packages below `prefix` by normalised name; children are locked against them. `root`
    tells what of the foreign layers' files matters to ours, `merged_usr` that `/bin`, `/lib` and `/sbin`
    are links into /usr; `debian` are its Debian packages. `annotations` tell which image the foreign
    layers are. `checks` must succeed before it, and whatever stands on it, is made. `action` makes config
    and manifest; its definition digest is the image's.
    """

    layers: tuple[Layer, ...]
    config: Runtime
    facts: Facts
    prefix: str
    pins: Mapping[str, Locked]
    merged_usr: bool
    action: DeclaredAction
    foreign: tuple[ForeignLayer, ...] = ()
    root: Root = field(default_factory=Root)
    annotations: Mapping[str, str] = field(default_factory=dict)
    debian: Debian | None = None
    checks: tuple[DeclaredAction, ...] = ()

    @property
    def all_layers(self) -> tuple[ForeignLayer | Layer, ...]:
        """Every layer, from the bottom up."""
        return (*self.foreign, *self.layers)

    @property
    def has_steps(self) -> bool:
        """Whether steps made layers: only these tell what they did to the root."""
        return any(not layer.parts for layer in self.layers)

    @property
    def platform(self) -> Platform:
        """What it runs on."""
        return self.facts.platform


def stack_config(config: Config, base: Runtime) -> Runtime:
    """The configuration of an image on a base: what is stated here, else the base's.

    A stated entrypoint drops the base's command, as in a Dockerfile.
    """
    inherited = base.command if config.entrypoint is None else ()
    return replace(
        base,
        variables={**base.variables, **config.variables},
        workdir=base.workdir if config.workdir is None else config.workdir,
        user=base.user if config.user is None else config.user,
        entrypoint=base.entrypoint if config.entrypoint is None else config.entrypoint,
        command=inherited if config.command is None else config.command,
        labels={**base.labels, **config.labels},
    )


def below_layers(layers: Sequence[ForeignLayer | Layer], *, accounts: bool = False) -> dict[str, Input]:
    """What tells where links lead and whom folders belong to: the layers' listings.

    Users' names take files of the layers themselves: who needs them asks for `accounts`.
    """
    found: dict[str, Input] = {}
    for n, layer in enumerate(layers):
        found[f"below/{n:03}/{LISTING}"] = _list_layer(layer)
        if accounts:
            found[f"below/{n:03}/{LAYER}"] = layer.blob
    return found


def list_parts(layer: ForeignLayer | Layer) -> tuple[Input, ...]:
    """The listings of what is in a layer, which is not read for that where its parts are known."""
    if isinstance(layer, Layer) and layer.parts:
        return tuple(part.action.output(LISTING) for part in layer.parts)
    return (_list_layer(layer),)


def _list_layer(layer: ForeignLayer | Layer) -> Input:
    """The layer's listing: its maker's, or one that is read from its bytes once."""
    if isinstance(layer, Layer) and len(layer.parts) <= 1:
        return layer.action.output(LISTING)
    subject = layer.packages[0] if len(layer.packages) == 1 else f"{len(layer.packages)} packages"
    inputs = {LAYER: layer.blob}
    return DeclaredAction(LIST_LAYER, {}, inputs, (LISTING,), "ListLayer", subject).output(LISTING)


def merge_parts(parts: Sequence[Part], epoch: int) -> Layer:
    """One layer of several parts, in order; a single part's layer is used as it is."""
    if len(parts) == 1:
        return Layer(parts[0].action, (parts[0],))
    action = DeclaredAction(
        MERGE_LAYERS,
        {"epoch": epoch},
        {
            f"{n:03}/{output}": part.action.output(output)
            for n, part in enumerate(parts)
            for output in (LAYER, LAYER_INFO, LISTING)
        },
        (LAYER, LAYER_INFO),
        mnemonic="MergeLayers",
        subject=f"{len(parts)} packages",
    )
    return Layer(action, tuple(parts))


def declare_image(
    layers: Sequence[Layer],
    config: Runtime,
    platform: Platform,
    subject: str,
    foreign: Sequence[ForeignLayer] = (),
    annotations: Mapping[str, str] = NO_ANNOTATIONS,
    checks: Sequence[DeclaredAction] = (),
) -> DeclaredAction:
    """The action that makes an image's config and manifest, after `checks` and one for paths that collide."""
    inputs: dict[str, Input] = {"checked": _check_paths(layers, subject).output(CHECKED)}
    for n, check in enumerate(checks):
        inputs[f"checks/{n:03}"] = check.output(CHECKED)
    for n, layer in enumerate(layers):
        inputs[f"layers/{n:03}/{LAYER_INFO}"] = layer.action.output(LAYER_INFO)
    parameters: dict[str, Json] = {
        "platform": str(platform),
        "config": config.to_json(),
        "layers": [list(layer.packages) for layer in layers],
    }
    if foreign:
        parameters["foreign"] = [_describe_foreign(layer) for layer in foreign]
        parameters["annotations"] = dict(annotations)
    if impure := [layer.step for layer in layers if layer.action.impure]:
        parameters["annotations"] = {**(annotations if foreign else {}), IMPURE: "; ".join(impure)}
    outputs = (CONFIG, MANIFEST)
    return DeclaredAction(IMAGE, parameters, inputs, outputs, "Image", subject, stamped=True)


def describe_base(reference: str, image: BaseImage) -> dict[str, str]:
    """Annotations that name the image below (image spec, annotations.md).

    One by an alias has no name: which host that is, is not the image's matter.
    """
    name = ImageName.parse(reference)
    digest = {BASE_DIGEST: str(image.manifest)}
    return digest if name.alias else {BASE_NAME: reference, **digest}


def _describe_foreign(layer: ForeignLayer) -> Json:
    """All that a manifest and a config say of a layer: its bytes are no input."""
    artifact = layer.artifact
    digest = Digest(artifact.sha256, artifact.size)
    return {
        "media_type": LAYER_TYPES[artifact.kind],
        "digest": str(digest),
        "size": digest.size,
        "diff_id": artifact.version,
        "origin": layer.origin,
        **({"annotations": dict(layer.lazy)} if layer.lazy else {}),
    }


def declare_index(images: Mapping[Platform, DeclaredAction], subject: str) -> DeclaredAction:
    """The action that makes the index of an image for several platforms."""
    ordered = sorted(images.items())
    inputs: dict[str, Input] = {
        f"{n:03}/{MANIFEST}": action.output(MANIFEST) for n, (_, action) in enumerate(ordered)
    }
    parameters: dict[str, Json] = {"platforms": [str(platform) for platform, _ in ordered]}
    return DeclaredAction(INDEX, parameters, inputs, (IMAGE_INDEX,), "Index", subject, stamped=True)


def _check_paths(layers: Sequence[Layer], subject: str) -> DeclaredAction:
    parts = [part for layer in layers for part in layer.parts]
    inputs: dict[str, Input] = {}
    for n, part in enumerate(parts):
        inputs[f"{n:04}/{LISTING}"] = part.action.output(LISTING)
        inputs[f"{n:04}/{LAYER}"] = part.action.output(LAYER)
    parameters: dict[str, Json] = {
        "owners": [part.owner for part in parts],
        "overriding": [n for n, part in enumerate(parts) if part.overrides],
    }
    return DeclaredAction(CHECK_PATHS, parameters, inputs, (CHECKED,), "CheckPaths", subject)
