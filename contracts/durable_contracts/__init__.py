"""The HTTP contract as values: found, bundled, judged, compared. Knows nothing of the server."""
