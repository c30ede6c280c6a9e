"""Rules: what can be watched, the language of rule files, watching, the desk, telling people."""
