"""Functions that read account data: who may see whom, contacts, and user search."""
