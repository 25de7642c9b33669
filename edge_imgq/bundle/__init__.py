"""What goes into an app beside the files: their contract, vectors to test with, and where from."""
