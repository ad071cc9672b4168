"""The table of all routes and what each role gets, and the users and conversations with which it is tested."""
