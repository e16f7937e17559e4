"""Where the equations run: one protocol, one engine per kind of hardware."""
