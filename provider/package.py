#!/usr/bin/env python3
"""Packs a provider as registries and mirrors expect it: package.py PROVIDER HOST_PROGRAMS VERSION INTO

PROVIDER is the built program, HOST_PROGRAMS the folder that has a folder of programs an architecture. INTO gets the zip,
the manifest and SHA256SUMS. The same input gives the same bytes: entries are sorted, their times are SOURCE_DATE_EPOCH.
"""

import hashlib
import json
import os
import sys
import time
import zipfile
from pathlib import Path

NAME = "terraform-provider-socle"
LICENSE = Path(__file__).resolve().parent.parent / "LICENSE"


def entries(provider: Path, host_programs: Path, version: str) -> dict[str, tuple[Path, int]]:
    """What is in the zip: name, file and mode."""
    found = {f"{NAME}_v{version}": (provider, 0o755), "LICENSE": (LICENSE, 0o644)}
    for program in host_programs.glob("*/*"):
        found[f"host-programs/{program.relative_to(host_programs)}"] = (program, 0o755)
    return found


def pack(zip_file: Path, found: dict[str, tuple[Path, int]], when: time.struct_time) -> None:
    """Writes the zip."""
    with zipfile.ZipFile(zip_file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name, (file, mode) in sorted(found.items()):
            entry = zipfile.ZipInfo(name, when[:6])
            entry.create_system = 3  # Unix, so that the mode counts
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, file.read_bytes())


def main(provider: Path, host_programs: Path, version: str, into: Path) -> None:
    """Writes the three files."""
    into.mkdir(parents=True, exist_ok=True)
    # A zip knows no time before 1980.
    epoch = max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800)
    zip_file = into / f"{NAME}_{version}_linux_amd64.zip"
    pack(zip_file, entries(provider, host_programs, version), time.gmtime(epoch))
    manifest = into / f"{NAME}_{version}_manifest.json"
    manifest.write_text(json.dumps({"version": 1, "metadata": {"protocol_versions": ["6.0"]}}, indent=2) + "\n")
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted([zip_file, manifest])]
    (into / f"{NAME}_{version}_SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
