"""Processing of uploaded media: detects content types, measures, removes metadata and re-encodes."""
