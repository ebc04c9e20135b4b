"""Resolvers: each answers one kind of question."""
