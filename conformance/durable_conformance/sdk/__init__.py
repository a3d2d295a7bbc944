"""The judge of SDKs: a server that hands out prepared tasks and looks at what comes back."""
