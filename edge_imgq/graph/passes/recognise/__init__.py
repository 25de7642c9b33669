"""Phase 2: several nodes that spell one operator become that operator."""
