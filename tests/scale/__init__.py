"""Performance measurements against the chat of the Django Channels tutorial. See __main__.py."""
