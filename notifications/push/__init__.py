"""Web Push: the keys of the site, the check of endpoints, the content of a push message, and sending it."""
