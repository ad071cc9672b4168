"""The REST door of conversations. A view reads the request, calls one verb and answers with one shape."""
