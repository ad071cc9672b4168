"""Processing of uploaded media: detects content types, measures width, height and duration, removes metadata, and
re-encodes images.
"""
