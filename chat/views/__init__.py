"""The page views of chat.

A view validates the request, calls actions or selectors, and renders a template or redirects.
"""
