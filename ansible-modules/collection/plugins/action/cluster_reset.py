"""`cluster_reset`: its program on the host."""

from __future__ import annotations

from ansible_collections.socle.platform.plugins.plugin_utils.host_program import ActionModule

__all__ = ["ActionModule"]
