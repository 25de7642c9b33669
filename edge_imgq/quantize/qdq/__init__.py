"""Write scales, integer weights and biases into the graph as QDQ nodes."""
