"""`dw`: the command line for people and scripts that work with a durable workflow server.

It speaks HTTP only, and knows the server by its published contract.
"""
