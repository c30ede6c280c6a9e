"""The emission factors that Wattline ships, as tables of
published figures with their sources (see NOTICE.md).
"""
