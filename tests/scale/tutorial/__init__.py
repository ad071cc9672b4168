"""The chat of the Django Channels tutorial, with which the speed of the messenger is compared.

Unlike in the tutorial, each message is stored in the database.
"""
