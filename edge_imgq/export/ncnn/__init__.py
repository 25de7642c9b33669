"""Export to ncnn: a .param file of layers and a .bin file of weights."""
