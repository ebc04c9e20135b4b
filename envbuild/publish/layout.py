"""Images in the store: a small layout of its own for each, whose blobs are the store's.

`images/<name>/{oci-layout,index.json,blobs -> ../../blobs}` is readable as `oci:` by other tools and
holds its blobs against garbage collection.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.core.protocols import BlobStore
from envbuild.oci.descriptor import Descriptor
from envbuild.oci.image import Image, read_image
from envbuild.oci.layout import BLOBS, INDEX_FILE, MARKER, MARKER_CONTENT, find_image, list_image
from envbuild.oci.reference import LATEST
from envbuild.store.temporary import temporary_folder

_BLOBS_LINK: Final = Path("..", "..", BLOBS)
_THERE: Final = (errno.EEXIST, errno.ENOTEMPTY)


class LocalImages:
    """The images of a store, by name (`env_<hash>`). Safe for several threads and processes."""

    def __init__(self, root: Path, blobs: BlobStore) -> None:
        self._images = root / "images"
        self._temporary = root / "tmp"
        self._blobs = blobs

    def folder(self, name: str) -> Path:
        """Where an image's layout lies."""
        return self._images / name

    def find(self, name: str, elsewhere: Collection[Digest] = ()) -> Image | None:
        """The image, if it is there with all its blobs but those kept `elsewhere`; a broken one is none.

        Documents are read and verified, layers are not.
        """
        try:
            image = self.read(find_image((self.folder(name) / INDEX_FILE).read_bytes()))
            for _, manifest in image.manifests:
                self._blobs.read(manifest.config.digest)
        except (OSError, EnvbuildError):
            return None
        missing = self._blobs.missing(part.digest for part in image.blobs)
        return None if missing.difference(elsewhere) else image

    def tell(self, name: str) -> Digest | None:
        """The digest that an image has if it is whole; None where there is none."""
        try:
            return find_image((self.folder(name) / INDEX_FILE).read_bytes()).digest
        except (OSError, EnvbuildError):
            return None

    def read(self, root: Descriptor) -> Image:
        """The image below a manifest or index in the store; raises BlobMissing or BadImage."""
        return read_image(root, lambda descriptor: self._blobs.read(descriptor.digest))

    def publish(self, name: str, root: Descriptor, elsewhere: Collection[Digest] = ()) -> Image:
        """Make the image of `root` known as `name`; the first one wins and later ones get it.

        It is made beside and appears by one rename; one whose blobs were lost is replaced.
        Raises BlobMissing unless the store holds all of `root`'s blobs but those kept `elsewhere`.
        """
        image = self._require_whole(root, elsewhere)
        there = self.find(name, elsewhere)
        if there:
            return there
        try:
            if self._place(name, image.root):
                return image
        except OSError as error:
            hint = "check the disk and the folder's mode, or choose another store with `--cache-dir`"
            raise StoreError(
                f"`{self.folder(name)}` cannot be written: {error.strerror}", hint=hint
            ) from error
        return self.find(name, elsewhere) or image

    def _require_whole(self, root: Descriptor, elsewhere: Collection[Digest]) -> Image:
        image = self.read(root)
        for part in image.blobs:
            if part.digest not in elsewhere:
                self._blobs.path(part.digest)
        return image

    def _place(self, name: str, root: Descriptor) -> bool:
        """Rename a finished layout into place; False if another process was faster."""
        self._images.mkdir(parents=True, exist_ok=True)
        self._temporary.mkdir(parents=True, exist_ok=True)
        with temporary_folder(self._temporary) as folder:
            made = folder / name
            _write_layout(made, root)
            with suppress(FileNotFoundError):  # what `find` called broken, if anything lies there
                self.folder(name).rename(folder / "broken")
            try:
                made.rename(self.folder(name))
            except OSError as error:
                if error.errno not in _THERE:
                    raise
                return False
        return True


def _write_layout(folder: Path, root: Descriptor) -> None:
    folder.mkdir()
    (folder / MARKER).write_bytes(MARKER_CONTENT)
    (folder / BLOBS).symlink_to(_BLOBS_LINK)
    with (folder / INDEX_FILE).open("wb") as file:
        file.write(list_image(root, LATEST))
        file.flush()
        # Garbage collection stops at an index it cannot read: no power cut may leave an empty one.
        os.fsync(file.fileno())
