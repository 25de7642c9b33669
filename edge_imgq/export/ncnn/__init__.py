"""ncnn, Tencent's runtime for phones: a `.param` file of layers and a `.bin` file of weights."""
