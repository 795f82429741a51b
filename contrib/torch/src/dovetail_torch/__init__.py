"""PyTorch tensors for dovetail."""
