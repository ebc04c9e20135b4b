"""The rules that ship with envbuild (installed as `envbuild_rules`)."""
