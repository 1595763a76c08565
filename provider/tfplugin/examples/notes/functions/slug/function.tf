output "title" {
  value = provider::notes::slug("Hello world")
}
