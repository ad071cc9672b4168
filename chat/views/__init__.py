"""The pages. Each finds out who it is and what is asked, calls one verb or reads, and answers."""
