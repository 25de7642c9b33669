"""What a team's repository needs to check its model in every change: `edge-imgq init --ci`."""
