"""The steps that improve a QDQ graph one after another; each is kept only if it helps."""
