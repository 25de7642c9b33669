"""The networks that ship with edge-imgq, their weights and their cards."""
