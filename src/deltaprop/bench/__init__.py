"""Measures the speed of training and prediction on this machine; all contenders do the same work, in turn."""
