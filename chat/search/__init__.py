"""Full-text search of messages: folding of text, search terms, the query language, and the index in the database."""
