"""The application half: count and time what a program does, cheaply and exactly."""
