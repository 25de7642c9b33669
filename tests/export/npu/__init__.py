"""Files for NPUs, compiled and emulated, by Qualcomm or by stand-ins."""
