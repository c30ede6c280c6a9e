"""The demo plant: started, served, verified."""
