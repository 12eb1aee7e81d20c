"""Workloads that others wrote: readers of their files, and the replay of what the files say."""
