"""A host, as our actions deal with it: lines of shell that read standard input, and faults that name host and step."""

from __future__ import annotations

import shlex
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

#: The word that begins what our own lines of shell complain.
OURS = "socle: "

#: A line of shell that lets nobody pass but root.
ROOT_ONLY = f"""if [ "$(id -u)" != 0 ]; then echo '{OURS}root is needed' >&2; exit 1; fi"""


def reading(script: str) -> str:
    """A command of a script that is given something to read.

    All of it is read, also when the script ends early: otherwise the connection breaks, and nobody hears why.
    """
    return f"sh -c {shlex.quote(f'({script}); r=$?; cat >/dev/null; exit $r')}"


class HostAction(ActionBase):
    """An action that does its work by commands on the host, without Python there."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        name = (task_vars or {}).get("inventory_hostname", self._play_context.remote_addr)
        host = Host(self, name)
        if not self._connection.has_pipelining:
            connection = self._connection.transport
            raise host.fault("connect", f"connection `{connection}` gives commands no input: use `ssh`")
        return self.result(host)

    def result(self, host: Host) -> dict[str, t.Any]:
        """Does the work."""
        raise NotImplementedError

    def on_host(self, line: str, stdin: bytes) -> dict[str, t.Any]:
        """What a command says that reads this."""
        return self._low_level_execute_command(line, in_data=stdin)

    @property
    def module(self) -> str:
        """The module's name, without its collection."""
        return self._task.action.rpartition(".")[2]

    @property
    def changes(self) -> bool:
        """Whether the task may change the host."""
        return not self._task.check_mode

    @property
    def becomes(self) -> str:
        """How the task changes the user, for errors."""
        become = self._connection.become
        return f"`{become.name}`" if become else "no `become`"


class Host:
    """The host of one task."""

    def __init__(self, action: HostAction, name: str) -> None:
        self.action, self.name = action, name

    def run(self, step: str, line: str, stdin: bytes) -> dict[str, t.Any]:
        """What a command says; a fault of the connection tells the step."""
        try:
            return self.action.on_host(line, stdin)
        except AnsibleConnectionFailure as failure:
            raise AnsibleConnectionFailure(f"{self.name}: could not {step}: {failure}") from failure
        except AnsibleError as error:
            raise self.fault(step, str(error)) from error

    def succeed(self, step: str, line: str, stdin: bytes) -> str:
        """What a command prints that must succeed."""
        output = self.run(step, line, stdin)
        if output["rc"] != 0:
            raise self.fault(step, self.cause(output))
        return output["stdout"]

    def cause(self, output: dict[str, t.Any]) -> str:
        """What a command complained, in words that say what to do."""
        said = output["stderr"].strip() or output["stdout"].strip() or "it says nothing"
        if f"{OURS}root is needed" in said:
            return f"root must do that, and the task has {self.action.becomes}: set `become: true` once"
        if any(words in said for words in ("sudo: not found", "not in the sudoers file", "a password is required")):
            return f"{said}: the user needs sudo on the host, and `become_password` where sudo asks for one"
        return said.replace(OURS, "")

    def fault(self, step: str, cause: str) -> AnsibleActionFail:
        """A failure that names host and step."""
        return AnsibleActionFail(f"{self.name}: could not {step}: {cause}")
