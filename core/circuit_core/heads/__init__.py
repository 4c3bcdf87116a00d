"""Head roles: what a single attention head does, as a fraction; one file a family, each opening with its method."""
