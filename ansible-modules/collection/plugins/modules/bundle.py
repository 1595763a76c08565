# The action plugin of the same name does the work, from the controller. Its documentation is beside this file, which
# Ansible's loader wants to find.

from __future__ import annotations
