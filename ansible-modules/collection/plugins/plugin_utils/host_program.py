"""Runs a program of ours on a host, as the action of the module of the same name.

A host keeps our programs as `/usr/local/libexec/socle/NAME-SHA256`, owned by root. That is where the Terraform provider
puts them, too, so each is brought once, whoever comes first. The arguments go over standard input: they are in no file,
no argument list and no environment. Where the program is installed, a task is one command on the host.
"""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible import __version__ as ansible_version
from ansible.utils.display import Display

from ansible_collections.socle.platform.plugins.plugin_utils.host import OURS, ROOT_ONLY, Host, HostAction, reading

LIBEXEC = "/usr/local/libexec/socle"

#: The environment variable that names a folder of programs on this machine, `ARCHITECTURE/NAME`, before the collection's own.
PROGRAMS_VARIABLE = "SOCLE_HOST_PROGRAMS"
PROGRAMS = Path(__file__).resolve().parents[1] / "programs"

#: What `uname -m` says on the hosts that there may be programs for.
ARCHITECTURES = ("x86_64", "aarch64")

#: Programs that a module needs beside its own, by the argument that tells their path.
COMPANIONS = {"backup_agent": {"agent": "socle-backup"}}

#: Modules that are a verb of another program: its name, and the verb.
VERBS = {"cluster_reset": ("socle-node", "reset")}

#: The exit statuses of our own lines of shell.
MISSING = 127
NO_BUILD = 126
OTHER_BUILD = 125

#: What root does with a program on standard input: writes it where nobody else can, checks the hash, and only then gives
#: it its name. When the connection breaks in the middle, the hash is wrong and nothing is installed.
INSTALL = """\
set -eu; umask 022; d={libexec}
{root_only}
mkdir -p "$d"; chown 0:0 "$d"; chmod 0755 "$d"
t=$(mktemp "$d/.upload.XXXXXXXX"); trap 'rm -f "$t"' EXIT; trap 'exit 1' HUP INT TERM
cat >"$t"
h=$(sha256sum "$t")
if [ "${{h%% *}}" != {sha256} ]; then echo '{ours}what arrived is not what was sent' >&2; exit 1; fi
chown 0:0 "$t"; chmod 0755 "$t"; sync "$t"; mv -f -- "$t" "$d/{name}-{sha256}"
"""


@dataclass(frozen=True)
class Program:
    """A program for one architecture."""

    name: str
    architecture: str
    file: Path

    @property
    def sha256(self) -> str:
        """In lower-case hexadecimal."""
        with self.file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    @property
    def path(self) -> str:
        """Where it is on a host."""
        return f"{LIBEXEC}/{self.name}-{self.sha256}"


def folders() -> list[Path]:
    """Where programs are on this machine; an earlier one wins."""
    named = os.environ.get(PROGRAMS_VARIABLE)
    return [Path(named), PROGRAMS] if named else [PROGRAMS]


@dataclass(frozen=True)
class Build:
    """What a module needs on a host of one architecture."""

    architecture: str
    program: Program
    companions: dict[str, Program]

    @property
    def programs(self) -> list[Program]:
        """All of them."""
        return [self.program, *self.companions.values()]

    @property
    def paths(self) -> dict[str, str]:
        """The arguments that tell where the companions are."""
        return {argument: program.path for argument, program in self.companions.items()}


def program_of(name: str, architecture: str) -> Program | None:
    """The program for an architecture, when there is one."""
    files = (folder / architecture / name for folder in folders())
    file = next((file for file in files if file.is_file()), None)
    return Program(name, architecture, file) if file else None


def builds(name: str, companions: dict[str, str]) -> list[Build]:
    """What there is for each architecture."""
    found = []
    for architecture in ARCHITECTURES:
        program = program_of(name, architecture)
        beside = {argument: program_of(other, architecture) for argument, other in companions.items()}
        if program and all(beside.values()):
            found.append(Build(architecture, program, beside))
    return found


def run_line(found: t.Sequence[Build], guess: Build, needed: t.Sequence[Program], verb: str = "") -> str:
    """A line of shell that becomes the program of the host's architecture, when all that is needed of its build is there.

    The arguments on standard input are right for every build, or, where they tell paths of companions, for the guess.
    """
    cases = ""
    for build in found:
        if build.companions and build is not guess:
            cases += f'{build.architecture}) echo "{OURS}$m" >&2; exit {OTHER_BUILD};; '
        else:
            programs = [program for program in build.programs if program is build.program or program in needed]
            paths = " ".join(program.path for program in programs)
            cases += f"{build.architecture}) set -- {paths};; "
    return (
        f'm=$(uname -m); case $m in {cases}*) echo "{OURS}$m" >&2; exit {NO_BUILD};; esac; '
        f'for p; do [ -x "$p" ] || {{ echo "{OURS}$m $p" >&2; exit {MISSING}; }}; done; "$1" {verb}'
    )


def install_line(program: Program) -> str:
    """A line of shell that installs the program on standard input."""
    script = INSTALL.format(libexec=LIBEXEC, ours=OURS, root_only=ROOT_ONLY, name=program.name, sha256=program.sha256)
    return reading(script)


def complaint(output: dict[str, t.Any], status: int) -> str | None:
    """What our own line complains of by this exit status."""
    lines = output["stderr"].strip().splitlines()
    if output["rc"] == status and lines and lines[-1].startswith(OURS):
        return lines[-1].removeprefix(OURS)
    return None


def result_of(stdout: str) -> dict[str, t.Any] | None:
    """The one JSON object that a program prints; a banner of the login may stand before it."""
    for start in (0, stdout.find("\n{") + 1):
        try:
            told = json.loads(stdout[start:])
        except ValueError:
            continue
        if isinstance(told, dict):
            return told
    return None


class ActionModule(HostAction):
    """Brings the program of the module to the host when it is not there, and runs it."""

    def result(self, host: Host) -> dict[str, t.Any]:
        """What the program of the module tells."""
        return Run(self, self.module, host).result()

    def arguments(self, paths: dict[str, str]) -> bytes:
        """The task's arguments, and paths of companions, as the program reads them."""
        arguments = dict(self._task.args) | paths
        arguments.update(
            _ansible_check_mode=self._task.check_mode,
            _ansible_diff=self._task.diff,
            _ansible_no_log=bool(self._task.no_log),
            _ansible_verbosity=Display().verbosity,
            _ansible_version=ansible_version,
            _ansible_module_name=self._task.action,
        )
        # A date of YAML is meant as it was written.
        return json.dumps(arguments, default=str).encode()

    def companions(self, name: str) -> dict[str, str]:
        """The programs that the module needs beside its own: not those whose path is given, nor to remove something."""
        arguments = self._task.args
        if arguments.get("state") == "absent":
            return {}
        wanted = COMPANIONS.get(name, {})
        return {argument: other for argument, other in wanted.items() if not arguments.get(argument)}


class Run:
    """One run of a program on a host."""

    def __init__(self, action: ActionModule, name: str, host: Host) -> None:
        self.action, self.host, self.module = action, host, name
        self.name, self.verb = VERBS.get(name, (name, ""))

    def result(self) -> dict[str, t.Any]:
        """What the program tells."""
        companions = self.action.companions(self.module)
        found = builds(self.name, companions)
        if not found:
            names = " with ".join([self.name, *companions.values()])
            tried = ", ".join(str(folder / "ARCHITECTURE") for folder in folders())
            raise self.host.fault("find the program", f"there is no {names} for any architecture; tried {tried}")
        return self.told(self.brought_and_run(found), found)

    def brought_and_run(self, found: t.Sequence[Build]) -> dict[str, t.Any]:
        """What the host says once it has what is needed: each thing that it misses is brought, one after the other."""
        guess, brought = found[0], 0
        while True:
            # Check mode brings the module, as Ansible does, and nothing that the module would use.
            needed = guess.programs if self.action.changes else []
            line = run_line(found, guess, needed, self.verb)
            output = self.host.run(f"run {self.name}", line, self.action.arguments(guess.paths))
            if architecture := complaint(output, OTHER_BUILD):
                guess = next(build for build in found if build.architecture == architecture)
            elif (missing := complaint(output, MISSING)) and brought < 1 + len(guess.companions):
                self.install(next(p for build in found for p in build.programs if missing.endswith(p.path)))
                brought += 1
            else:
                return output

    def install(self, program: Program) -> None:
        """Brings a program."""
        self.host.succeed(f"install {program.name}", install_line(program), program.file.read_bytes())

    def told(self, output: dict[str, t.Any], found: t.Sequence[Build]) -> dict[str, t.Any]:
        """The program's own result, or why there is none."""
        step = f"run {self.name}"
        if architecture := complaint(output, NO_BUILD):
            known = ", ".join(build.architecture for build in found)
            raise self.host.fault(step, f"there is no build of it for {architecture}, only for {known}")
        if told := result_of(output["stdout"]):
            for deprecation in told.get("deprecations") or ():
                deprecation.setdefault("collection_name", "socle.platform")
            if told.get("failed"):
                told["msg"] = f"{self.host.name}: {self.module}: {told.get('msg', 'it says nothing')}"
            return told
        raise self.host.fault(step, f"{self.host.cause(output)} (exit status {output['rc']}, and no result)")
