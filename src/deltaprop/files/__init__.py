"""Networks on disk: safetensors with a JSON header, written atomically, nothing executed on load."""
