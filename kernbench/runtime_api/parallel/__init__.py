"""Megatron's tensor and sequence parallelism: layers whose weights are sharded over ranks, forward and backward."""
