# The addresses that a plan would change, each with the arguments, and of maps the entries, that differ.

def differing($before; $after):
  if ($before | type) == "object" and ($after | type) == "object" then
    [($before + $after | keys_unsorted[]) as $key | select($before[$key] != $after[$key]) | $key]
  else [] end;

.resource_changes[]
| select(.change.actions | . != ["no-op"] and . != ["read"])
| .change as $change
# What only the apply will know is no drift.
| (differing($change.before // {}; $change.after // {}) - [$change.after_unknown | to_entries[] | select(.value == true).key]) as $arguments
| "  \(.address) (\($change.actions | join(", ")))",
  ($arguments[] as $argument
   | differing($change.before[$argument]?; $change.after[$argument]?) as $entries
   | "    \($argument)" + (if $entries == [] then "" else ": " + ($entries | join(", ")) end))
