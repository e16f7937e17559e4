"""The training loop: batches, epochs, validation, stopping; knows nothing of scikit-learn or of printing."""
