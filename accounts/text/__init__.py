"""Functions for the text of names: they clean it, and make keys for the search."""
