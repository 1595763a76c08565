"""Servers that Terraform made, as an inventory."""

from __future__ import annotations

DOCUMENTATION = """
name: terraform
short_description: The servers that Terraform made, by one of its outputs
version_added: 0.1.0
author: Socle (@socle-platform)
description:
  - Reads one output of a Terraform or OpenTofu root module, a map of server names to what is known of each.
  - Their host keys are written to a file of known hosts, so that ssh checks them strictly from the first connection on.
  - "The output has this form, where all but C(address) may be left out or null:"
  - "C(servers = { NAME = { address, port, user, host_key, private_address, groups = [], variables = {} } })"
notes:
  - The file name of the source must end in C(terraform.yml) or C(terraform.yaml).
  - Other outputs, and so sensitive ones, are not kept.
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: Must be C(socle.platform.terraform).
    type: str
    required: true
    choices: [socle.platform.terraform]
  project_path:
    description:
      - The folder of the root module. C(terraform output -json) runs there, with the variables of the environment.
      - A relative path starts from the folder of the source.
      - One of O(project_path) and O(file) is required.
    type: str
  file:
    description:
      - A file that C(terraform output -json) wrote, for a machine that may not read the state.
      - A relative path starts from the folder of the source.
    type: str
  program:
    description: The program that reads the state, by its name or path.
    type: str
    default: terraform
  output:
    description: The name of the output.
    type: str
    default: servers
  known_hosts:
    description:
      - The file for the host keys. It belongs to this plugin, which writes it anew when it differs.
      - A relative path starts from the folder of the source.
      - By default it lies beside the source and has its name with C(.known_hosts) at the end.
    type: str
"""

EXAMPLES = """
# inventory/terraform.yml
plugin: socle.platform.terraform
project_path: ../environments/staging

# From a file that a job of CI left, with groups by the name's first part
---
plugin: socle.platform.terraform
file: outputs.json
keyed_groups:
  - key: inventory_hostname.split('-')[0]
    separator: ""
"""

import json
import os
import re
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

#: What a server of the output may say.
KEYS = ("address", "port", "user", "host_key", "private_address", "groups", "variables")
GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class OutputError(Exception):
    """What is wrong with the output."""


class Server(t.NamedTuple):
    """A server of the output."""

    name: str
    address: str
    port: int
    host_key: str | None
    groups: list[str]
    variables: dict[str, t.Any]

    @property
    def known_host(self) -> str:
        """Its line in a file of known hosts, or nothing."""
        if not self.host_key:
            return ""
        place = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        return f"{place} {self.host_key.strip()}\n"


def servers_of(outputs: t.Any, output: str) -> list[Server]:
    """The servers in what `terraform output -json` prints."""
    if not isinstance(outputs, dict) or not isinstance(outputs.get(output), dict):
        raise OutputError(f"there is no output `{output}`: declare it, and apply")
    value = outputs[output].get("value")
    if not isinstance(value, dict):
        raise OutputError(f"the output `{output}` is no map of server names to objects")
    return [server_of(name, told) for name, told in sorted(value.items())]


def server_of(name: str, told: t.Any) -> Server:
    """One server of the output."""
    if not isinstance(told, dict):
        raise OutputError(f"server `{name}` is no object")
    if unknown := sorted(set(told) - set(KEYS)):
        raise OutputError(f"server `{name}` has `{unknown[0]}`, and may have {', '.join(KEYS)}")
    address = told.get("address")
    if not isinstance(address, str) or not address:
        raise OutputError(f"server `{name}` has no `address`")
    groups = told.get("groups") or []
    if bad := [group for group in groups if not GROUP.fullmatch(str(group))]:
        raise OutputError(f"server `{name}` has the group `{bad[0]}`: use letters, digits and _")
    return Server(name, address, int(told.get("port") or 22), told.get("host_key"), groups, variables_of(told))


def variables_of(told: dict[str, t.Any]) -> dict[str, t.Any]:
    """A server's variables."""
    own = {
        "ansible_host": told["address"],
        "ansible_port": told.get("port"),
        "ansible_user": told.get("user"),
        "socle_private_address": told.get("private_address"),
    }
    known = {name: value for name, value in own.items() if value is not None}
    return known | (told.get("variables") or {})


def ssh_arguments(known_hosts: Path) -> str:
    """How ssh is told to take these host keys and no others."""
    return (
        f'-o StrictHostKeyChecking=yes -o UserKnownHostsFile="{known_hosts}" '
        "-o GlobalKnownHostsFile=/dev/null"
    )


def write_when_different(file: Path, text: str) -> None:
    """Replaces a file as a whole, so that a run beside this one never reads half of it."""
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(partial, 0o644)
        os.replace(partial, file)
    except BaseException:
        os.unlink(partial)
        raise


class InventoryModule(BaseInventoryPlugin, Constructable):
    """The inventory."""

    NAME = "socle.platform.terraform"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(("terraform.yml", "terraform.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        source = Path(path).resolve()
        try:
            servers = servers_of(json.loads(self.outputs(source.parent)), self.get_option("output"))
            known_hosts = self.known_hosts(source)
            write_when_different(known_hosts, "".join(server.known_host for server in servers))
        except (OutputError, OSError, ValueError) as fault:
            raise AnsibleParserError(f"{path}: {fault}") from fault
        for server in servers:
            self.add(server, known_hosts)

    def outputs(self, folder: Path) -> str:
        """What `terraform output -json` prints, or printed."""
        project, file = self.get_option("project_path"), self.get_option("file")
        if bool(project) == bool(file):
            raise OutputError("give one of `project_path` and `file`")
        if file:
            return (folder / file).read_text(encoding="utf-8")
        program = self.get_option("program")
        command = [program, f"-chdir={folder / project}", "output", "-json", "-no-color"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except FileNotFoundError as missing:
            raise OutputError(f"there is no program `{program}`: install it, or set `program`") from missing
        if done.returncode != 0:
            raise OutputError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
        return done.stdout

    def known_hosts(self, source: Path) -> Path:
        """The file for the host keys."""
        told = self.get_option("known_hosts")
        return source.parent / told if told else source.with_suffix(".known_hosts")

    def add(self, server: Server, known_hosts: Path) -> None:
        """Adds a server with its groups and variables."""
        name = self.inventory.add_host(server.name)
        variables = dict(server.variables)
        if server.host_key:
            variables.setdefault("ansible_ssh_common_args", ssh_arguments(known_hosts))
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, value)
        for group in [self.get_option("output"), *server.groups]:
            self.inventory.add_host(name, group=self.inventory.add_group(group))
        strict, variables = self.get_option("strict"), self.inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
