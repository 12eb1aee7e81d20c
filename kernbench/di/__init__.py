"""Kind strings to classes, a checked topology to one wired SIP."""
