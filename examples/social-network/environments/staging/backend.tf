# Its own state, and its own lock beside it. The bucket is made by hand, once: see the README.
terraform {
  backend "s3" {
    bucket       = "example-social-terraform-state"
    key          = "staging.tfstate"
    region       = "eu-west-3"
    encrypt      = true
    use_lockfile = true
  }
}
