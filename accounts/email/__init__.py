"""Sending of e-mails and their layout."""
