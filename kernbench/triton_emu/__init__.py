"""The Triton language as a coroutine of operations: what a kernel computes, never when."""
