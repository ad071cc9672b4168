"""An app above `chat`, which `chat` does not know. It keeps a notice for each recipient of a message.

It shows what such an app can add: listeners, a command of the WebSocket, an admin page and a settings page. Tests
install it with `tests.example_app.settings`.
"""
