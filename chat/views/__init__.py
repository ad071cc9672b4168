"""The page views. Each one validates the request, calls actions or selectors and renders a template or redirects."""
