"""The data export of a user: a ZIP file with the user's data. `actions` requests it, `builder` writes the ZIP file in a
background task.
"""
