"""The action graph: declared by rules, bound to real contents, explained and queried."""
