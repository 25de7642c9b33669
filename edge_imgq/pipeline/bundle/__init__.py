"""Write and check bundles: folders with everything an app developer needs."""
