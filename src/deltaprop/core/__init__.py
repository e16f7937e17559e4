"""The mathematics: equations, activations, costs, the description of a network. NumPy only, no state, no I/O."""
