"""Rules of the Markdown parser (chat/text/markdown_parser.py), by subject."""
