# The next three runs, in the time of Paris; also over the night in which clocks move.
output "next_backups" {
  value = provider::socle::next_runs("15 2 * * *", "Europe/Paris", plantimestamp(), 3)
}
