"""One's own data as one file to keep: asked for (verbs), built by the worker (build), read without us (pages)."""
