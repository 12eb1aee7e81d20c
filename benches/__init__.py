"""Bench files found by name: each defines `bench(torch, ...)`, the program of one rank."""
