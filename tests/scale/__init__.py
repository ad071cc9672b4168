"""How fast, against what the Channels tutorial gives: see __main__.py."""
