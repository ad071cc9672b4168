"""The application with which the messenger's speed is compared: the chat of the Django Channels tutorial.

Other than in the tutorial, each message is stored in the database.
"""
