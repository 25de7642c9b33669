"""Export to ExecuTorch: a torch program lowered to XNNPACK or portable kernels."""
