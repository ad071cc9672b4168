"""A lively workspace to look at, for a database with nobody in it: `manage.py demo`.

The words are in people.txt and talks/*.txt. script.py reads them, play.py says them, through the
verbs that everybody uses.
"""
