"""The engines that run the equations: one protocol, one engine per kind of hardware."""
