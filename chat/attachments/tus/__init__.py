"""The server side of tus 1.0, a protocol for uploads that continue after an interruption."""
