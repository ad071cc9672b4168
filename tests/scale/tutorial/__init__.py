"""The application for comparison: the chat of the Django Channels tutorial.

Unlike the tutorial, it stores each message in the database.
"""
