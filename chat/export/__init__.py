"""The data export of a user: requested in `actions`, written as a ZIP file by `builder` in a background task."""
