"""Runs in other people's file formats: what they wrote, and what they can read."""
