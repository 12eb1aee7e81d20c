"""Decisions that hardware and software make by rule: where packets go, where bytes live, who is served."""
