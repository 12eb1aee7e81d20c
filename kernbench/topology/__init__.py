"""A device as data: what `topology.yaml` says, checked and compiled to nodes, links and routes."""
