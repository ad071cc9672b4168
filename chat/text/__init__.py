"""Functions for the text of messages: Markdown, mentions, links, code, language detection, truncation and diffs."""
