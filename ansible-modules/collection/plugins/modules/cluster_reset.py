# The module is a program, which the action plugin of the same name brings to the host and runs there. Its documentation
# is beside this file, which Ansible's loader wants to find.

from __future__ import annotations
