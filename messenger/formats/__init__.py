"""Formats of dates and times per language, where they differ from Django's (see FORMAT_MODULE_PATH in the settings)."""
