"""SIP actors, the protocol that keeps their clocks apart by no more than the fabric allows, and the transports."""
