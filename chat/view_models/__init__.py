"""View models: what templates need to render conversations, messages, attachments, times and menus."""
