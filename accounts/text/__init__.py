"""Text of names: cleaning and search keys."""
