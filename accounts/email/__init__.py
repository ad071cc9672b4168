"""Sends e-mails and renders their layout."""
