"""Arrays from disk, from the network or from a drawing hand; knows nothing of networks and training."""
