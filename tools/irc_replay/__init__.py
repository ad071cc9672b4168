"""Sends the messages of a recorded IRC channel to a running messenger server: `python -m tools.irc_replay FILE…`.

The tool works like any other client of the messenger: it uses only the public protocol and imports no code of the
server. At the end it reads all messages back from the server and compares them with those that it has sent.
"""
