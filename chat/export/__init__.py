"""The data export of a user. `actions` requests it; `builder` writes it as a ZIP file in a background task."""
