"""Discrete events, links and the accounting of time; the only user of SimPy."""
