"""Content types, dimensions, metadata removal and re-encoding of uploaded media."""
