"""What the numbers prove; knows numbers, not tests."""
