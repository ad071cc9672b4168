"""Reads of accounts: who may see whom, contacts, user search."""
