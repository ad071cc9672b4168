"""View models: objects with the values that templates show for conversations, messages, files, times and menus."""
