"""The REST API of chat. Each view validates the request, calls one action or selector and returns one output schema."""
