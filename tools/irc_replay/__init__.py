"""Sends the messages of a recorded IRC channel to a running server: `python -m tools.irc_replay FILE…`.

The tool works like any client of the site. It uses only the public protocol and imports no code of the server. At the
end it reads all messages back and compares them with what it has sent.
"""
