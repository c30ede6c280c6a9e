"""Rules: the port of the state machine and one built-in kind, no data from a meter. Rule files come with their own grammar."""
