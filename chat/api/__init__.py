"""The REST API of chat.

Each view validates the request, calls one function of chat.actions or chat.selectors, and returns its result as an
output schema of chat/schemas.
"""
