"""What a node of the Bitcoin Core family is asked, as a gRPC service: the sidecar of the node, its client, a simulated chain."""
