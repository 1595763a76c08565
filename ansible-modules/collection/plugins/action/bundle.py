"""`bundle`: a folder with checksums on this machine, brought to a host."""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
import typing as t
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ansible.errors import AnsibleFileNotFound

from ansible_collections.socle.platform.plugins.plugin_utils.host import ROOT_ONLY, Host, HostAction, reading

SUMS = "SHA256SUMS"

#: How much goes over at once, in bytes: round trips are saved by it, and memory is bounded by it and by the largest file.
PARCEL = 64 * 1024 * 1024

#: Reads the checksums, and prints `whole`, or which files are there and as they should be. Those of a bundle come last: a
#: host that has them has the rest.
LOOK = """\
{root_only}
cd {folder} 2>/dev/null || exit 0
if [ "$(sha256sum {sums} 2>/dev/null)" = '{digest}  {sums}' ]; then echo whole; exit 0; fi
LC_ALL=C sha256sum --check - 2>/dev/null | grep ': OK$' || true
"""

#: Reads an archive of some of the files.
UNPACK = """\
set -eu; {root_only}
umask 077; mkdir -p {folder}; cd {folder}; tar --extract --no-same-owner --file=-
"""

#: Reads the checksums, and keeps them when all is as they say.
FINISH = """\
set -eu; umask 077; cd {folder}; t=$(mktemp .sums.XXXXXXXX); trap 'rm -f "$t"' EXIT
cat >"$t"; sha256sum --check --quiet "$t"; sync; mv -f "$t" {sums}
"""


ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "src": {"type": "path", "required": True},
    # A path of the host: nothing in it is this machine's to expand.
    "dest": {"type": "str", "required": True},
}


def script(text: str, **words: str) -> str:
    """A command of such a script."""
    return reading(text.format(root_only=ROOT_ONLY, sums=SUMS, **words))


def files_of(sums: str) -> list[str]:
    """The files that a list of checksums names, in its order."""
    files = []
    for line in filter(None, sums.splitlines()):
        _sum, _space, file = line.partition("  ")
        path = PurePosixPath(file)
        if not file:
            raise ValueError(f"{SUMS} has a line that is no checksum: {line}")
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{SUMS} names {file}, which is outside of the bundle")
        files.append(file)
    return files


def parcels(bundle: Path, files: t.Iterable[str], size: int = PARCEL) -> t.Iterator[list[str]]:
    """The files in portions of about this many bytes; a larger file goes alone."""
    parcel: list[str] = []
    weight = 0
    for file in files:
        length = (bundle / file).stat().st_size
        if parcel and weight + length > size:
            yield parcel
            parcel, weight = [], 0
        parcel.append(file)
        weight += length
    if parcel:
        yield parcel


def packed(bundle: Path, files: t.Iterable[str]) -> bytes:
    """An archive of these files; what a link leads to is the file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for file in files:
            tar.add(bundle / file, arcname=file, recursive=False)
    return archive.getvalue()


@contextmanager
def told_as(host: Host, source: str) -> t.Iterator[None]:
    """Errors of reading the bundle, as what they are."""
    try:
        yield
    except (OSError, ValueError, AnsibleFileNotFound) as error:
        raise host.fault(f"read the bundle {source}", str(error)) from error


class ActionModule(HostAction):
    """Brings what the host lacks of a bundle."""

    def result(self, host: Host) -> dict[str, t.Any]:
        _checked, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        folder = shlex.quote(arguments["dest"])
        with told_as(host, arguments["src"]):
            bundle = Path(self._find_needle("files", arguments["src"]))
            sums = (bundle / SUMS).read_bytes()
            files = files_of(sums.decode())
        lacking = self.lacking(host, folder, sums, files)
        if lacking is None or not self.changes:
            return {"changed": lacking is not None, "brought": lacking or []}
        with told_as(host, arguments["src"]):
            portions = list(parcels(bundle, lacking))
        for portion in portions:
            with told_as(host, arguments["src"]):
                archive = packed(bundle, portion)
            host.succeed(f"bring {portion[0]} and what goes with it", script(UNPACK, folder=folder), archive)
        host.succeed("check what arrived", script(FINISH, folder=folder), sums)
        return {"changed": True, "brought": lacking}

    @staticmethod
    def lacking(host: Host, folder: str, sums: bytes, files: t.Sequence[str]) -> list[str] | None:
        """The files that the host lacks; nothing when it has the bundle."""
        line = script(LOOK, folder=folder, digest=hashlib.sha256(sums).hexdigest())
        told = host.succeed("look for the bundle", line, sums).splitlines()
        if "whole" in told:
            return None
        return [file for file in files if f"{file}: OK" not in told]
