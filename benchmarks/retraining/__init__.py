"""Retrainings in a row with nobody watching: which learning rate goes stale?"""
