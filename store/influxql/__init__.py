"""The part of InfluxQL that dashboards use, over the embedded store: parsed into a small tree,
translated to SQL with bound parameters."""
