"""A lock in the forms that other tools read: pure functions from packages to text."""
