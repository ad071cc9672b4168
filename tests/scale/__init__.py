"""Performance measurements: our server compared with the chat of the Django Channels tutorial. See __main__.py."""
