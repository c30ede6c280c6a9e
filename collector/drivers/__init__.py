"""One module per protocol; each driver reads one connection until it is cancelled."""
