"""What people and programs see of a build while it runs, and of an error when it ends."""
