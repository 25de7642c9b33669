"""Generate the files that check a model in CI on every change: `edge-imgq init --ci`."""
