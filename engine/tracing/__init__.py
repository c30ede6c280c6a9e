"""Where energy came from: the graph of the plant, the mix of each bus, storages with memory."""
