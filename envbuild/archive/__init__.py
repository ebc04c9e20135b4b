"""Pure functions between archives and layers: no network, no store."""
