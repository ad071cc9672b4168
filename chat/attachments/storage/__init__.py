"""Storages for uploaded files: local disk and S3."""
