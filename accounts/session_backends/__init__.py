"""Session engines: they load and store sessions (settings.SESSION_ENGINE)."""
