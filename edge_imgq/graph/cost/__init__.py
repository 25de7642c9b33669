"""What operators of a graph cost on a processor, by its kernel profile."""
