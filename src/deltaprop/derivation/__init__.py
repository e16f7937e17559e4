"""The derivation of BP1-BP4 as data: each step's statement, its reason, its proof and its check on a network."""
