"""The steps that improve a QDQ graph one after the other, each kept only if it helps."""
