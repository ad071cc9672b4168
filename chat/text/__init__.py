"""Text of messages: Markdown, mentions, links, code highlighting, language detection, truncation and diffs."""
