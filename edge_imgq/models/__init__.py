"""The networks that ship with edge-imgq, with weights and model cards."""
