"""Reading what is kept: history, derived figures, members, summary, attention."""
