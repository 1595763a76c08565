"""What goes over to a host, and the lines of shell that take it, without a host."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from ansible_collections.socle.platform.plugins.action import bundle

FILES = {"bin/kubelet": b"k" * 600, "bin/runc": b"r" * 300, "images/pause.tar": b"p" * 2000, "manifest.json": b"{}\n"}


class Bundle(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.here, self.there = Path(folder.name, "here"), Path(folder.name, "there is")
        for name, content in FILES.items():
            file = self.here / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755 if name.startswith("bin/") else 0o644)
        lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in FILES.items()]
        self.sums = "".join(lines).encode()

    def say(self, text: str, stdin: bytes, **words: str) -> subprocess.CompletedProcess[bytes]:
        line = bundle.script(text, folder=f"'{self.there}'", **words)
        return subprocess.run(["sh", "-c", line], input=stdin, capture_output=True, check=False)

    def look(self) -> list[str]:
        told = self.say(bundle.LOOK, self.sums, digest=hashlib.sha256(self.sums).hexdigest())
        self.assertEqual(told.returncode, 0, told.stderr)
        return told.stdout.decode().splitlines()

    def bring(self, files: list[str]) -> None:
        told = self.say(bundle.UNPACK, bundle.packed(self.here, files))
        self.assertEqual(told.returncode, 0, told.stderr)

    def test_portions_are_as_large_as_they_may_be_and_a_larger_file_goes_alone(self) -> None:
        portions = list(bundle.parcels(self.here, FILES, size=1000))
        self.assertEqual(portions, [["bin/kubelet", "bin/runc"], ["images/pause.tar"], ["manifest.json"]])
        self.assertEqual(list(bundle.parcels(self.here, [])), [])

    def test_checksums_name_files_of_the_bundle_only(self) -> None:
        self.assertEqual(bundle.files_of(self.sums.decode()), list(FILES))
        for line in ("0  ../etc/passwd", "0  /etc/passwd", "nothing"):
            with self.assertRaises(ValueError):
                bundle.files_of(line)

    @unittest.skipUnless(os.getuid() == 0, "only root brings a bundle")
    def test_what_is_there_is_not_brought_again_and_what_is_damaged_is(self) -> None:
        self.assertEqual(self.look(), [])
        self.bring(["bin/kubelet", "manifest.json"])
        self.assertEqual(self.look(), ["bin/kubelet: OK", "manifest.json: OK"])
        unfinished = self.say(bundle.FINISH, self.sums)
        self.assertNotEqual(unfinished.returncode, 0)
        self.assertIn(b"images/pause.tar", unfinished.stderr + unfinished.stdout)
        self.assertNotIn("whole", self.look())
        self.bring(["bin/runc", "images/pause.tar"])
        self.assertEqual(self.say(bundle.FINISH, self.sums).returncode, 0)
        self.assertEqual(self.look(), ["whole"])
        self.assertEqual(sorted(os.listdir(self.there)), ["SHA256SUMS", "bin", "images", "manifest.json"])
        self.assertTrue(os.access(self.there / "bin/kubelet", os.X_OK))
        self.assertEqual(self.there.stat().st_mode & 0o777, 0o700)

    @unittest.skipUnless(os.getuid() == 0, "only root brings a bundle")
    def test_a_host_that_cannot_take_it_reads_to_the_end_and_says_why(self) -> None:
        self.there.write_text("a file in the place of the folder", encoding="utf-8")
        line = bundle.script(bundle.UNPACK, folder=f"'{self.there}'")
        with subprocess.Popen(["sh", "-c", line], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as taking:
            assert taking.stdin and taking.stderr
            taking.stdin.write(b"x" * 10_000_000)
            taking.stdin.close()
            self.assertIn(b"there is", taking.stderr.read())
        self.assertNotEqual(taking.returncode, 0)
