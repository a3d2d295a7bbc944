"""Stands between clients and a server, changes nothing, and tells what breaks the contract."""
