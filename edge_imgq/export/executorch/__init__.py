"""ExecuTorch: a graph as a torch program, its operators lowered to XNNPACK or portable kernels."""
