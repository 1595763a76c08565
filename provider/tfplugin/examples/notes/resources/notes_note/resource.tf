resource "notes_note" "shopping" {
  title = "shopping"
  text  = "Bread, salt"
}
