"""One module per noun; each offers `app`."""
