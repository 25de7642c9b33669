"""Receptive field of a network, by propagation of row ranges through its operators."""
