"""Decides which user names are valid and which look alike, and reserves names for a day."""
