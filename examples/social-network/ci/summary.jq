# How many objects a plan creates, updates and deletes: what GitLab shows in a merge request.

[.resource_changes[]?.change.actions]
| {
    create: map(select(index("create"))) | length,
    update: map(select(index("update"))) | length,
    delete: map(select(index("delete"))) | length,
  }
