"""Checks the promise of the protocol from outside: HTTP only, on anybody's server."""
