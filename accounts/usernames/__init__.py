"""User names: which names are valid, which look alike, and which are reserved for a day."""
