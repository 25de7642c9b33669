"""Which accelerator takes which operator, by documented rules; nothing here is run."""
