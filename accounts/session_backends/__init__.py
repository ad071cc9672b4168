"""Session engines (settings.SESSION_ENGINE)."""
