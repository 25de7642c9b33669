"""The evaluate command: models measured as papers do."""
