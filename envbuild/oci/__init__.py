"""Images as values: the documents of the OCI image spec, references, and a checker of their invariants."""
