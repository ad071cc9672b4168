"""The server side of the tus 1.0 protocol for resumable uploads."""
