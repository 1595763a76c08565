"""Lines of shell and what comes back, without a host."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from ansible_collections.socle.platform.plugins.plugin_utils import host_program

MACHINE = os.uname().machine


class Programs(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        variables = mock.patch.dict(os.environ, {host_program.PROGRAMS_VARIABLE: str(self.folder)})
        variables.start()
        self.addCleanup(variables.stop)
        libexec = mock.patch.object(host_program, "LIBEXEC", str(self.folder / "libexec"))
        libexec.start()
        self.addCleanup(libexec.stop)

    def build(self, architecture: str, name: str, text: str = "") -> Path:
        file = self.folder / architecture / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def say(self, line: str, stdin: bytes = b"") -> dict[str, object]:
        done = subprocess.run(["sh", "-c", line], input=stdin, capture_output=True, check=False)
        return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

    def test_a_missing_program_is_named_with_the_architecture(self) -> None:
        self.build(MACHINE, "tell")
        (build,) = host_program.builds("tell", {})
        output = self.say(host_program.run_line([build], build, []))
        expected = f"{MACHINE} {build.program.path}"
        self.assertEqual(host_program.complaint(output, host_program.MISSING), expected)

    def test_another_architecture_is_told(self) -> None:
        other = next(known for known in host_program.ARCHITECTURES if known != MACHINE)
        self.build(other, "tell")
        (build,) = host_program.builds("tell", {})
        output = self.say(host_program.run_line([build], build, []))
        self.assertEqual(host_program.complaint(output, host_program.NO_BUILD), MACHINE)

    def test_paths_of_companions_are_asked_again_for_the_right_architecture(self) -> None:
        for architecture in host_program.ARCHITECTURES:
            self.build(architecture, "tell")
            self.build(architecture, "agent", architecture)
        found = host_program.builds("tell", {"agent": "agent"})
        wrong = next(build for build in found if build.architecture != MACHINE)
        output = self.say(host_program.run_line(found, wrong, wrong.programs))
        self.assertEqual(host_program.complaint(output, host_program.OTHER_BUILD), MACHINE)
        self.assertEqual(len({build.paths["agent"] for build in found}), len(host_program.ARCHITECTURES))

    @unittest.skipUnless(os.getuid() == 0, "only root installs")
    def test_what_arrives_whole_is_installed_and_run_and_nothing_else_is(self) -> None:
        file = self.build(MACHINE, "tell", "#!/bin/sh\ncat\n")
        (build,) = host_program.builds("tell", {})
        cut = self.say(host_program.install_line(build.program), file.read_bytes()[:-1])
        self.assertEqual((cut["rc"], os.listdir(self.folder / "libexec")), (1, []))
        whole = self.say(host_program.install_line(build.program), file.read_bytes())
        self.assertEqual(whole["rc"], 0, whole)
        self.assertEqual(stat.S_IMODE(os.stat(build.program.path).st_mode), 0o755)
        output = self.say(host_program.run_line([build], build, []), b'{"a": 1}')
        self.assertEqual(host_program.result_of(str(output["stdout"])), {"a": 1})

    def test_a_banner_before_the_result_is_passed_over(self) -> None:
        self.assertEqual(host_program.result_of('Welcome {you}\n{"changed": true}\n'), {"changed": True})
        self.assertEqual(host_program.result_of("[1]"), None)
        self.assertEqual(host_program.result_of(""), None)


if __name__ == "__main__":
    unittest.main()
