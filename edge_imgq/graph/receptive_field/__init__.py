"""How far around a pixel a network looks, row by row of its operators."""
