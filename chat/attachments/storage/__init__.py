"""Storage back ends of uploads: local disk and S3."""
