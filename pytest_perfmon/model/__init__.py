"""The data that flows through the house: frozen, plain, knowing nothing of where it goes."""
