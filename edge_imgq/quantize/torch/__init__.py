"""Run float and QDQ graphs in torch, with gradients."""
