"""Signing in: the password backend, allauth adapters, second factors, tokens, sign-ins and rate limits."""
