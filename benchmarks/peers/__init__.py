"""Training steps, epochs and predictions of eight nets, against every installed peer, and the peak of the processor.

All do the same work on the same numbers: plain SGD, float32, sigmoid hidden layers, softmax and cross-entropy, batches
gathered from shuffled rows. The costs of every step, and every prediction, are compared before the timing.
"""
